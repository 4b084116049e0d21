"""Revealing, with a real Redis and real seals: what is shown, what is on record before, and what is refused."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from devtools.redis_server import RedisServer
from devtools.worlds.sealed import Keys, seal
from exclusive_redis_xcom.acl import Acl
from exclusive_redis_xcom.acl.rule import Rule
from exclusive_redis_xcom.api_server.ring import audit
from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.crypto import EncryptionKeys, SealPrivateKeys, generate_encryption_key
from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.formats.reference import Reference
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.pages.user import Readable
from exclusive_redis_xcom.pages.xcoms import reveal, revealing
from exclusive_redis_xcom.pages.xcoms.entries import Viewer
from exclusive_redis_xcom.pages.xcoms.revealing import NotRevealed, Server, revealed, turn
from exclusive_redis_xcom.pages.xcoms.rows import Row
from exclusive_redis_xcom.pages.xcoms.states import State, state_of
from exclusive_redis_xcom.preview import Preview
from exclusive_redis_xcom.settings import Settings, load_settings
from exclusive_redis_xcom.store import Push, Store
from exclusive_redis_xcom.task import spill
from exclusive_redis_xcom.task.encryption import encrypt_payload
from tests.integration.support import PREFIX, do, open_store
from tests.unit.pages.xcoms.test_rules import facts

TTL = timedelta(days=1)
VALUE = "canary-value"


class Anna:
    """A user, as Airflow knows one."""

    def get_name(self) -> str:
        return "anna"


@dataclass
class Page:
    """A page of one server: it reveals, and keeps the audit rows."""

    store: Store
    settings: Settings
    rows: list[audit.Record] = field(default_factory=list)
    declared: Any = field(default_factory=lambda: facts({}))
    setting: str = "open"

    def push(self, value: Any = VALUE, *, at: Coordinate, mapped_rule: Acl | None = None, **rule: Any) -> Row:
        acl = Acl(at.dag_id, (Rule(at.task_id, at.key, ("*",), "default", exact=True, **rule),), "nobody")
        made = encode(value, compression="off", max_bytes=2**24)
        now = datetime.now(timezone.utc)
        plain = Envelope(at, secrets.token_hex(16), made.codec, made.compression, made.decoded_size, now, made.payload)
        done = encrypt_payload(plain, acl, self.settings)
        own = None if at.map_index < 0 else (mapped_rule or acl).dumps()
        push = Push(done.envelope, acl=acl.dumps(), ttl=TTL, once=acl.once, own_acl=own)
        if self.settings.spill_path:
            spill.push(self.store, self.settings.spill_path, self.settings.spill_threshold_bytes, push)
        else:
            self.store.push(push)
        made_reference = Reference(
            coordinate=at,
            version=plain.version,
            type_name="str",
            size=plain.decoded_size,
            consumers=("*",),
            rule="default",
            pushed_at=now,
            expires_at=now + TTL,
            seal=done.seal,
        )
        return Row(at, made_reference, False, now)

    def reveal(self, row: Row) -> Preview:
        named = None if row.reference is None else row.reference.coordinate
        (known,) = self.store.known([named]) if named else (None,)
        state = state_of(row, known, datetime.now(timezone.utc))
        viewer = Viewer(Readable(["sales"], ["sales"]), self.setting, self.declared)
        return revealed(row, known, state, viewer, Anna(), Server(self.store, self.settings, self.rows.append))

    def refused(self, row: Row) -> tuple[str, int]:
        with pytest.raises(NotRevealed) as caught:
            self.reveal(row)
        assert VALUE not in str(caught.value)
        return caught.value.sentence, caught.value.status

    @property
    def events(self) -> list[str]:
        return [record.event for record in self.rows]


def at(key: str = "key", map_index: int = -1) -> Coordinate:
    return Coordinate("sales", "run:+1", "extract", key, map_index)


@pytest.fixture
def store(redis_on_path: RedisServer) -> Iterator[Store]:
    with open_store(redis_on_path.url) as opened:
        yield opened


@pytest.fixture
def page(store: Store) -> Page:
    return Page(store, load_settings())


@pytest.fixture
def keys() -> Keys:
    return Keys.generate()


@pytest.fixture
def server_page(page: Page, keys: Keys) -> Page:
    private = SealPrivateKeys.parse(keys.private)
    page.settings = replace(page.settings, enforcement="server", seal_private_keys=private)
    return page


def test_an_open_value_is_shown_and_is_on_record(page: Page) -> None:
    row = page.push(at=at(), restricted=False)

    shown = page.reveal(row)

    assert (shown.kind, shown.text) == ("text", VALUE)
    assert page.rows == [
        audit.Record(
            "xcom_revealed",
            at(),
            "anna",
            {"who": "anna", "what": str(at()), "key": "key", "why": "ui_reveal = open"},
        )
    ]


def test_what_is_not_on_record_is_not_shown(page: Page) -> None:
    row = page.push(at=at(), restricted=False)

    def failing(record: audit.Record) -> None:
        def write(rows: Any) -> None:
            raise OSError("canary of the database")

        audit.write_now(record, write)

    (known,) = page.store.known([at()])
    viewer = Viewer(Readable([], []), "open", facts({}))
    with pytest.raises(NotRevealed) as caught:
        revealed(row, known, State.HELD, viewer, Anna(), Server(page.store, page.settings, failing))
    assert (caught.value.sentence, caught.value.status) == (revealing.NOT_AUDITED, 503)


@pytest.mark.parametrize(
    ("rule", "declared", "sentence"),
    [
        ({}, {}, reveal.RESTRICTED),
        ({"restricted": False}, {"extract": {"key": ["load"]}}, reveal.RESTRICTED),
        ({"once": True}, {}, reveal.ONCE),
        ({"restricted": False, "once": True}, {}, reveal.ONCE),
        ({"restricted": False}, {"extract": {"key": {"consumers": ["load"], "once": True}}}, reveal.ONCE),
    ],
)
def test_a_rule_of_the_dag_or_of_the_value_forbids_it_and_the_try_is_on_record(
    page: Page, rule: Any, declared: Any, sentence: reveal.No
) -> None:
    row, page.declared = page.push(at=at(), **rule), facts(declared)

    assert page.refused(row) == (sentence.sentence, 403)
    assert page.events == ["xcom_reveal_denied"]


def test_a_value_with_a_rule_is_shown_where_all_are(page: Page) -> None:
    row, page.setting = page.push(at=at()), "all"

    assert page.reveal(row).text == VALUE


def test_a_read_once_value_is_never_shown(page: Page) -> None:
    row, page.setting = page.push(at=at(), once=True), "all"

    assert page.refused(row) == (reveal.ONCE.sentence, 403)
    assert page.store.known([at()])[0].claimer == ""  # type: ignore[union-attr]


def test_of_a_mapped_task_the_value_s_own_rule_counts_too(page: Page) -> None:
    strict = Acl("sales", (Rule("extract", "key", ("load",), "rule", exact=True),), "nobody")
    row = page.push(at=at(map_index=2), mapped_rule=strict, restricted=False)

    assert page.refused(row) == (reveal.RESTRICTED.sentence, 403)
    row = page.push(at=at(map_index=3), restricted=False)
    assert page.reveal(row).text == VALUE


def test_ten_megabytes_are_not_fetched(page: Page) -> None:
    row = page.push(secrets.token_bytes(10 * 1024 * 1024), at=at(), restricted=False)

    assert page.refused(row) == (reveal.TOO_LARGE.sentence, 409)
    assert page.rows == []


def test_a_head_that_tells_less_than_is_there_does_not_help(page: Page) -> None:
    row = page.push(at=at(), restricted=False)
    name = redis_names.hash_name(PREFIX, at())
    assert row.reference is not None
    lying = Envelope(at(), row.reference.version, "str", "off", 10, row.pushed_at, (b"x" * 10,)).pack()
    do(page.store, name, "HSET", name, "-1", lying + b"x" * (3 * 1024 * 1024))

    assert page.refused(row)[1] == 409
    assert page.rows == []


@pytest.mark.parametrize(
    ("make", "state"),
    [
        (lambda row: replace(row, reference=None), State.FOREIGN),
        (lambda row: replace(row, reference=None, is_malformed=True), State.MALFORMED),
        (lambda row: replace(row, at=at("other")), State.COPIED),
        (lambda row: replace(row, reference=replace(row.reference, version="0" * 32)), State.SUPERSEDED),
    ],
)
def test_a_row_that_does_not_fit_has_its_sentence(page: Page, make: Callable[[Row], Row], state: State) -> None:
    row = page.push(at=at(), restricted=False)

    assert page.refused(make(row)) == (state.sentence, 409)
    assert page.rows == []


def test_a_value_that_is_gone_has_its_sentence(page: Page) -> None:
    row = page.push(at=at(), restricted=False)
    page.store.purge(at())

    assert page.refused(row) == (State.LOST.sentence, 409)
    assert row.reference is not None
    late = replace(row, reference=replace(row.reference, expires_at=row.pushed_at - TTL))
    assert page.refused(late) == (State.EXPIRED.sentence, 409)


def test_the_value_of_another_xcom_in_its_place_is_not_shown(page: Page) -> None:
    row, other = page.push(at=at(), restricted=False), page.push("canary-other", at=at("other"), restricted=False)
    assert other.reference is not None
    name, of_other = redis_names.hash_name(PREFIX, at()), redis_names.hash_name(PREFIX, at("other"))
    (data,) = do(page.store, of_other, "HMGET", of_other, "-1")
    do(page.store, name, "HSET", name, "-1", data)

    assert page.refused(row) == (State.DAMAGED.sentence, 409)


@pytest.mark.parametrize("text", [b"", b"{}"])
def test_without_a_readable_rule_nothing_is_shown(page: Page, text: bytes) -> None:
    row, page.setting = page.push(at=at(), restricted=False), "all"
    name = redis_names.hash_name(PREFIX, at())
    do(page.store, name, "HSET", name, "acl", text)

    assert page.refused(row) == (reveal.NO_STORED_RULE.sentence, 403)


def test_an_encrypted_value_needs_the_key(page: Page) -> None:
    encryption = EncryptionKeys.parse(generate_encryption_key())
    without = page.settings
    page.settings = replace(without, encryption_keys=encryption)
    row = page.push(at=at(), restricted=False)

    assert page.reveal(row).text == VALUE
    page.settings = without
    sentence, status = page.refused(row)
    assert sentence.startswith("The value is encrypted with encryption_keys")
    assert status == 409
    page.settings = replace(without, encryption_keys=EncryptionKeys.parse(generate_encryption_key()))
    assert page.refused(row) == ("[exclusive_redis_xcom] encryption_keys lacks the key of a value here.", 409)


def test_a_value_in_object_storage_is_shown(page: Page, tmp_path: Path) -> None:
    page.settings = replace(page.settings, spill_path=f"file://{tmp_path}", spill_threshold_bytes=5)
    row = page.push(at=at(), restricted=False)

    assert page.reveal(row).text == VALUE
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.unlink()
    sentence, status = page.refused(row)
    assert sentence == "'key' of extract is no longer in object storage."
    assert status == 409


def sealed(page: Page, keys: Keys, **rule: Any) -> Row:
    pushed = seal(
        at(), ["load"], keys=keys, payload=bytes([0xA0 + len(VALUE)]) + VALUE.encode(), store=page.store, **rule
    )
    return Row(at(), pushed.reference, False, pushed.reference.pushed_at)


def test_the_server_opens_the_seal_of_an_open_value(server_page: Page, keys: Keys) -> None:
    shown = server_page.reveal(sealed(server_page, keys, restricted=False))

    assert VALUE in shown.text
    assert server_page.events == ["xcom_revealed"]


def test_the_rule_in_the_seal_forbids_it(server_page: Page, keys: Keys) -> None:
    assert server_page.refused(sealed(server_page, keys)) == (reveal.RESTRICTED.sentence, 403)
    server_page.setting = "all"
    assert server_page.refused(sealed(server_page, keys, once=True)) == (reveal.ONCE.sentence, 403)


def test_a_seal_of_other_keys_does_not_open(server_page: Page) -> None:
    sentence, status = server_page.refused(sealed(server_page, Keys.generate(), restricted=False))

    assert sentence == "The value is sealed, and this API server does not hold the private key that opens it."
    assert status == 409
    assert server_page.rows == []


def test_a_rule_that_was_made_milder_in_the_row_or_in_redis_breaks_the_seal(server_page: Page, keys: Keys) -> None:
    row = sealed(server_page, keys)
    assert row.reference is not None
    assert row.reference.seal is not None
    milder = row.reference.seal.acl.replace(b'"restricted":true', b'"restricted":false')
    assert milder != row.reference.seal.acl
    forged = replace(row, reference=replace(row.reference, seal=replace(row.reference.seal, acl=milder)))
    name = redis_names.hash_name(PREFIX, at())

    assert server_page.refused(forged) == (reveal.RESTRICTED.sentence, 403)  # Redis still has the rule
    do(server_page.store, name, "HSET", name, "acl", milder)
    assert server_page.refused(row) == (reveal.RESTRICTED.sentence, 403)  # the seal still has it
    sentence, _ = server_page.refused(forged)
    assert sentence == "The seal of this row was not made for this XCom: the row was edited or forged."
    assert "xcom_revealed" not in server_page.events


def test_a_plain_value_in_the_place_of_a_sealed_one_is_not_shown(server_page: Page, keys: Keys) -> None:
    row = sealed(server_page, keys, restricted=False)
    assert row.reference is not None
    name = redis_names.hash_name(PREFIX, at())
    plain = Envelope(at(), row.reference.version, "str", "off", 3, row.pushed_at, (b"abc",)).pack()
    do(server_page.store, name, "HSET", name, "-1", plain)

    assert server_page.refused(row)[1] == 409
    assert server_page.rows == []


def test_so_many_are_revealed_at_once_and_others_wait_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revealing, "_WAIT_SECONDS", 0.01)
    with turn(), turn(), turn(), turn():
        with pytest.raises(NotRevealed) as caught, turn():
            pass
        assert (caught.value.sentence, caught.value.status) == (revealing.BUSY, 503)
    with turn():
        pass
