"""Who gets a data key: the seal proves what was sealed, and its access list decides."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.crypto import SealPrivateKeys, SealPublicKey, generate_seal_keys, wrap_aad, wrap_key
from exclusive_redis_xcom.crypto.opening import open_all, open_for
from exclusive_redis_xcom.formats import seal, wrapped_rows
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.formats.wrapped_rows import WrappedRows
from exclusive_redis_xcom.model import Decision, Principal
from tests.unit.sealed_reference import (
    AT,
    DATA_KEY,
    EXTRACT,
    LOAD,
    PRIVATE,
    PRIVATE_TEXT,
    REPORT,
    VERSION,
    acl_in_force,
    moved,
    sealed_reference,
)


@pytest.mark.parametrize("principal", [LOAD, EXTRACT], ids=["consumer", "producer"])
def test_who_may_read_gets_the_data_key(principal: Principal) -> None:
    verdict = open_for(sealed_reference(), principal, PRIVATE)

    assert (verdict.data_key, verdict.refused, verdict.decision.allowed) == (DATA_KEY, None, True)


@pytest.mark.parametrize(
    "principal",
    [REPORT, replace(LOAD, dag_id="other"), replace(EXTRACT, dag_id="other"), Principal("sales", "", None, None)],
    ids=["stranger", "same task of another DAG", "producer's namesake", "nobody in particular"],
)
def test_everybody_else_is_denied_with_the_reason(principal: Principal) -> None:
    verdict = open_for(sealed_reference(), principal, PRIVATE)

    assert (verdict.data_key, verdict.refused) == (None, seal.DENIED)
    assert "xcom_acl['extract']['token'] allows only 'load'" in verdict.decision.reason
    assert verdict.acl == acl_in_force()


def test_a_rule_for_the_same_run_holds() -> None:
    reference = sealed_reference({"consumers": ["load"], "same_run": True})

    assert open_for(reference, LOAD, PRIVATE).data_key == DATA_KEY
    assert open_for(reference, replace(LOAD, run_id="run_2"), PRIVATE).refused == seal.DENIED


def test_without_a_running_task_instance_nothing_is_opened() -> None:
    assert open_for(sealed_reference(), None, PRIVATE).refused == seal.NOT_RUNNING
    assert open_for(sealed_reference(), None, PRIVATE, reports_only=True).data_key is None


def test_under_report_a_refused_task_gets_the_key_and_the_decision_still_says_no() -> None:
    verdict = open_for(sealed_reference(), REPORT, PRIVATE, reports_only=True)

    assert (verdict.data_key, verdict.decision.allowed) == (DATA_KEY, False)


def _changed_rule(reference: Reference) -> Reference:
    assert reference.seal is not None
    return replace(reference, seal=replace(reference.seal, acl=acl_in_force(("load", "report")).dumps()))


def _changed_key(reference: Reference) -> Reference:
    assert reference.seal is not None
    assert reference.seal.sealed_key is not None
    flipped = bytes([reference.seal.sealed_key[40] ^ 1])
    sealed_key = reference.seal.sealed_key[:40] + flipped + reference.seal.sealed_key[41:]
    return replace(reference, seal=replace(reference.seal, sealed_key=sealed_key))


FORGERIES = {
    "another DAG": moved(sealed_reference(), dag_id="other"),
    "another run": moved(sealed_reference(), run_id="run_2"),
    "another task": moved(sealed_reference(), task_id="report"),
    "another key": moved(sealed_reference(), key="token2"),
    "another map index": moved(sealed_reference(), map_index=0),
    "another version": replace(sealed_reference(), version="f" * 32),
    "a wider rule": _changed_rule(sealed_reference()),
    "a changed key": _changed_key(sealed_reference()),
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("reports_only", [False, True])
def test_whatever_was_not_sealed_together_stays_shut_for_all(forged: Reference, reports_only: bool) -> None:
    for principal in (LOAD, EXTRACT, REPORT, Principal(forged.coordinate.dag_id, forged.coordinate.task_id, "r", 1)):
        verdict = open_for(forged, principal, PRIVATE, reports_only=reports_only)

        assert (verdict.data_key, verdict.refused, verdict.acl) == (None, seal.FORGED, None)
        assert verdict.decision == Decision(False, "the seal was not made for this reference")


def test_a_rule_that_is_no_rule_is_forged_even_if_sealed() -> None:
    from exclusive_redis_xcom.crypto import seal_info, seal_key
    from tests.unit.sealed_reference import PUBLIC, VERSION

    sealed_key = seal_key(DATA_KEY, PUBLIC, seal_info(AT, VERSION, b"{}"))
    reference = replace(sealed_reference(), seal=seal.Seal(PUBLIC.key_id, b"{}", sealed_key=sealed_key))

    assert open_for(reference, EXTRACT, PRIVATE).refused == seal.FORGED


def test_a_rule_for_another_xcom_opens_nothing_even_if_sealed() -> None:
    from exclusive_redis_xcom.crypto import seal_info, seal_key
    from tests.unit.sealed_reference import PUBLIC, VERSION

    acl = acl_in_force(("report",), replace(AT, key="other")).dumps()
    sealed_key = seal_key(DATA_KEY, PUBLIC, seal_info(AT, VERSION, acl))
    reference = replace(sealed_reference(), seal=seal.Seal(PUBLIC.key_id, acl, sealed_key=sealed_key))

    assert open_for(reference, REPORT, PRIVATE).refused == seal.DENIED


@pytest.mark.parametrize("form", [sealed_reference().opened(DATA_KEY), replace(sealed_reference(), seal=None)])
def test_there_must_be_a_sealed_key_to_open(form: Reference) -> None:
    verdict = open_for(form, LOAD, PRIVATE)

    assert (verdict.refused, verdict.decision) == (seal.FORGED, Decision(False, "the reference has no seal"))


def test_values_sealed_to_an_older_key_open_while_the_list_has_it() -> None:
    public_text, private_text = generate_seal_keys()
    rotated = SealPrivateKeys.parse(f"{private_text},{PRIVATE_TEXT}")
    newer = SealPublicKey.parse(public_text)

    assert open_for(sealed_reference(), LOAD, rotated).data_key == DATA_KEY
    assert open_for(sealed_reference(public=newer), LOAD, rotated).data_key == DATA_KEY

    unknown = open_for(sealed_reference(public=newer), LOAD, PRIVATE)
    assert (unknown.refused, unknown.decision.allowed) == (seal.UNKNOWN_KEY, False)
    assert f"no private key '{newer.key_id}'" in unknown.decision.reason


def test_a_verdict_does_not_show_the_key() -> None:
    assert repr(DATA_KEY) not in repr(open_for(sealed_reference(), LOAD, PRIVATE))


OTHER_TEXT = generate_seal_keys()[1]
BOTH = SealPrivateKeys.parse(f"{PRIVATE_TEXT},{OTHER_TEXT}")


def a_result(
    map_index: int,
    rule: object = ("load",),
    keys: SealPrivateKeys = PRIVATE,
    wrapped_at: int | None = None,
    wrapped_for: object = None,
) -> Reference:
    """Return a result of a mapped task. Its key was wrapped for it, or for another map_index or rule."""
    at = replace(AT, map_index=map_index if wrapped_at is None else wrapped_at)
    aad = wrap_aad(at, VERSION, acl_in_force(wrapped_for or rule).dumps())
    wrapped = wrap_key(bytes([map_index]) * 32, keys.public.key_id, keys, aad)
    made = seal.Seal(keys.public.key_id, acl_in_force(rule).dumps(), wrapped_key=wrapped)
    return replace(sealed_reference(rule), coordinate=replace(AT, map_index=map_index), seal=made)


def columns_of(*results: Reference) -> WrappedRows:
    rows = wrapped_rows.load([json.dumps(one.to_json()) for one in results])
    assert rows is not None
    return rows


def test_results_with_wrapped_keys_are_opened_at_once() -> None:
    results = [a_result(1), a_result(2, ("load", "report")), a_result(3, keys=SealPrivateKeys.parse(OTHER_TEXT))]

    opened = open_all(columns_of(*results), LOAD, BOTH)

    alone = [open_for(one, LOAD, BOTH) for one in results]
    assert opened == ([one.decision for one in alone], [one.data_key for one in alone])
    assert opened[1] == [bytes([index]) * 32 for index in (1, 2, 3)]


LAST: dict[str, tuple[Reference, str | None]] = {
    "another one's key": (a_result(9, wrapped_at=8), seal.FORGED),
    "another rule's key": (a_result(9, wrapped_for=("report",)), seal.FORGED),
    "a rule for others": (a_result(9, ("report",)), seal.DENIED),
    "a key that the server lacks": (a_result(9, keys=SealPrivateKeys.parse(OTHER_TEXT)), seal.UNKNOWN_KEY),
    "read once": (a_result(9, {"consumers": ["load"], "once": True}), None),
}


@pytest.mark.parametrize(("last", "refused"), LAST.values(), ids=LAST)
def test_one_result_that_does_not_open_leaves_none_open(last: Reference, refused: str | None) -> None:
    assert open_for(last, LOAD, PRIVATE).refused == refused
    assert open_all(columns_of(a_result(1), a_result(2)), LOAD, PRIVATE) is not None
    for results in ([a_result(1), a_result(2), last], [last, a_result(1)]):
        assert open_all(columns_of(*results), LOAD, PRIVATE) is None


@given(st.integers(0, 2), st.integers(0, 59), st.integers(1, 255))
def test_one_changed_bit_of_a_wrapped_key_leaves_none_open(row: int, byte: int, change: int) -> None:
    rows = columns_of(a_result(1), a_result(2), a_result(3))
    changed = bytearray(rows.wrapped[row])
    changed[byte] ^= change
    rows.wrapped[row] = bytes(changed)

    assert open_all(rows, LOAD, PRIVATE) is None
