"""The doctor seals a value in server mode, and opens it where the private keys are."""

from __future__ import annotations

from typing import Any

import pytest

from exclusive_redis_xcom.health import sealing
from exclusive_redis_xcom.health.visit import Role, Visit
from tests.unit.cli.doctor.patients import BOTH_PRIVATE, OLDER_PUBLIC, PRIVATE, PUBLIC, only, sealed_visit, visit

SEALED = f"a value was sealed to {PUBLIC.key_id}."


@pytest.mark.parametrize(
    ("role", "keys", "result", "seen"),
    [
        ("worker", {}, "ok", f"{SEALED} Only API servers can open it: run the doctor there"),
        ("worker", {"seal": "restricted"}, "ok", f"{SEALED} Only API servers can open it: run the doctor there"),
        ("worker", {"seal_public_key": None}, "skipped", "there is no key; see the checks of keys"),
        (
            "api-server",
            {"seal_private_keys": PRIVATE},
            "ok",
            f"{SEALED} It opened for its consumer, and for no other task",
        ),
        (
            "api-server",
            {"seal_public_key": None, "seal_private_keys": BOTH_PRIVATE},
            "ok",
            f"{SEALED} It opened for its consumer, and for no other task",
        ),
        (
            "api-server",
            {"seal_public_key": OLDER_PUBLIC, "seal_private_keys": PRIVATE},
            "FAIL",
            f"what is sealed to {OLDER_PUBLIC.key_id} does not open with the private keys here",
        ),
        ("api-server", {"mode": "report", "seal_private_keys": PRIVATE}, "ok", None),
    ],
    # Not the texts: keys are made anew in each process, and pytest-xdist compares the names of tests.
    ids=["worker", "worker, restricted", "worker, no key", "api-server", "no public key", "older key", "report"],
)
def test_what_can_be_sealed_and_opened(role: Role, keys: dict[str, Any], result: str, seen: str | None) -> None:
    found = only(sealing.sealing(sealed_visit(role, **keys)))

    assert found.result == result
    assert seen in (None, found.seen)


def test_nothing_is_sealed_where_nothing_needs_to_be() -> None:
    assert only(sealing.sealing(visit())).result == "skipped"
    assert only(sealing.sealing(Visit("worker", None))).result == "skipped"
