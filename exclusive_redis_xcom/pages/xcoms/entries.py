"""The XComs of a page, as the templates show them: each row joined with what Redis tells, for one user."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.printable import cut, printable
from exclusive_redis_xcom.formats import claims
from exclusive_redis_xcom.formats.reference import shown_consumers
from exclusive_redis_xcom.pages.hidden_count import hidden
from exclusive_redis_xcom.pages.xcoms import names, reveal, rules
from exclusive_redis_xcom.pages.xcoms.recorded import Recorded, recorded
from exclusive_redis_xcom.pages.xcoms.states import NOT_OURS, State, of_row, state_of
from exclusive_redis_xcom.reporting.quantities import in_bytes, in_two_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exclusive_redis_xcom.access import DagFacts
    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate, Description
    from exclusive_redis_xcom.pages.user import Readable
    from exclusive_redis_xcom.pages.xcoms.redis_facts import RedisFacts
    from exclusive_redis_xcom.pages.xcoms.reveal import No
    from exclusive_redis_xcom.pages.xcoms.rows import Row
    from exclusive_redis_xcom.store.known import Known

_MOST_CHARACTERS: Final = 250
_MOST_IN_TABLE: Final = 48
_BAR: Final = 120


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How long Redis keeps a value: as texts, and as a bar of 120 units."""

    text: str
    short: str
    bar: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the list about one XCom."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One XCom.

    Attributes:
        at: Where its row is.
        key: The key, as a text that prints.
        short_key: The key, cut for a table.
        state: In which state it is.
        pushed_at: When it was pushed; of a row that is not ours, when Airflow wrote it.
        type: The type of the value; empty if it is not known.
        shape: Its shape, for people; empty as `type`.
        size: The size as encoded, for people; empty as `type`.
        left: How long Redis keeps it; None if it is not there, or if that is not known.
        until: Until when Redis was to keep it; None as `type`.
        readers: Who may read, besides the task itself.
        facts: What else is known.
        record: What is on record of the key; None if that is not known.
        no: Why the value may not be revealed; None if it may.
    """

    at: Coordinate
    key: str
    short_key: str
    state: State
    pushed_at: datetime
    type: str = ""
    shape: str = ""
    size: str = ""
    left: TimeLeft | None = None
    until: datetime | None = None
    readers: names.Names = field(default_factory=names.Names)
    facts: tuple[Fact, ...] = ()
    record: Recorded | None = None
    no: No | None = None


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a page is, and by which rules.

    Attributes:
        readable: The DAGs whose names the user may see.
        setting: `ui_reveal`.
        declared: What the DAG declares; None if that cannot be read.
        claim_times: When keys of the task instance were claimed, as far as the user may know it.
    """

    readable: Readable
    setting: str
    declared: DagFacts | None
    claim_times: Mapping[str, datetime] = field(default_factory=dict)


def entries(rows: Sequence[Row], facts: RedisFacts, viewer: Viewer) -> list[Entry]:
    """Join the rows of a page with what Redis tells."""
    now = datetime.now(timezone.utc)
    return [_entry(row, facts, viewer, now) for row in rows]


def may_reveal(
    row: Row, known: Known | None, state: State, viewer: Viewer, more: Sequence[Acl | None] = ()
) -> No | None:
    """Say why the value of a row may not be revealed; None if it may.

    Args:
        row: The row.
        known: What Redis holds for it.
        state: In which state the XCom is.
        viewer: By which rules it is decided.
        more: Further rules that count, such as that of an opened seal.
    """
    if row.reference is None or known is None or known.held is None or known.held.envelope is None:
        return reveal.refusal(viewer.setting, state, None, None, 0)
    found = [*rules.stored(row.at, known.acl, known.own_acl), *more]
    if row.reference.seal is not None:
        found.append(rules.sealed(row.reference))
    declared = None if viewer.declared is None else rules.declared(viewer.declared, row.at)
    size = max(known.held.envelope.decoded_size, known.held.envelope.payload_size)
    return reveal.refusal(viewer.setting, state, rules.strictness(found), declared, size)


def _entry(row: Row, facts: RedisFacts, viewer: Viewer, now: datetime) -> Entry:
    known = facts.known.get(row.at)
    clock = now if known is None else known.asked_at
    state = State.NOT_ASKED if facts.problem and of_row(row) is None else state_of(row, known, clock)
    key, no = cut(row.at.key, _MOST_CHARACTERS), may_reveal(row, known, state, viewer)
    reference = row.reference
    if reference is None or state in NOT_OURS:
        return Entry(row.at, key, cut(key, _MOST_IN_TABLE), state, row.pushed_at, no=no)
    held = known if known is not None and state is State.HELD else None
    told = None if held is None or held.held is None else held.held.description
    rule = _rule(reference, held, row.at)
    return Entry(
        row.at,
        key,
        cut(key, _MOST_IN_TABLE),
        state,
        reference.pushed_at,
        type=cut(told.type if told and told.type else reference.type_name, _MOST_CHARACTERS),
        shape=_shape(told, reference),
        size=in_bytes(reference.size),
        left=None if held is None else _left(reference, held.asked_at),
        until=reference.expires_at,
        readers=names.consumers(
            shown_consumers(reference) if rule is None else rule.consumers, row.at.dag_id, viewer.readable
        ),
        facts=tuple(_facts(reference, held, told, rule, viewer)),
        record=None
        if facts.problem
        else recorded(facts.entries.get((row.at.task_id, row.at.key), ()), row.at, viewer.readable),
        no=no,
    )


def _rule(reference: Reference, known: Known | None, at: Coordinate) -> Acl | None:
    """Return the rule to show: the one in the seal, else the one that Redis holds."""
    if reference.seal is not None:
        return rules.sealed(reference)
    return None if known is None else rules.stored(at, known.acl, known.own_acl)[-1]


def _shape(told: Description | None, reference: Reference) -> str:
    shape = told.shape if told is not None and told.shape is not None else reference.shape
    if not shape:
        return ""
    if told is not None and told.columns and len(shape) == 2:
        return f"{shape[0]:,} rows x {shape[1]:,} columns"
    return " x ".join(f"{length:,}" for length in shape) if len(shape) > 1 else f"length {shape[0]:,}"


def _left(reference: Reference, now: datetime) -> TimeLeft:
    left, whole = max(reference.expires_at - now, timedelta(0)), max(reference.ttl, timedelta(milliseconds=1))
    text = f"{in_two_units(left)} left of {in_two_units(whole)}"
    return TimeLeft(text, in_two_units(left), min(_BAR, round(_BAR * (left / whole))))


def _facts(
    reference: Reference, known: Known | None, told: Description | None, rule: Acl | None, viewer: Viewer
) -> list[Fact]:
    found = []
    if told is not None:
        found += _description(told)
    held = None if known is None else known.held
    if held is not None and held.envelope is not None:
        envelope = held.envelope
        stored = f"{in_bytes(envelope.payload_size)} stored"
        packed = "" if envelope.compression in ("", "off") else f", compressed with {cut(envelope.compression, 40)}"
        locked = "" if envelope.key_id is None else ", encrypted"
        found.append(Fact("Bytes", f"{in_bytes(reference.size)} encoded, {stored}{packed}{locked}"))
        found.append(Fact("Where", _place(held.spilled, envelope.parts)))
    source = reference.rule if rule is None else rule.source
    if source:  # a row of format 3 does not tell it, once Redis has forgotten it
        found.append(Fact("Rule", cut(source, _MOST_CHARACTERS)))
    if rule is not None and rule.same_run:
        found.append(Fact("Condition", "Only tasks of the run that pushed the value may read it."))
    if rule is not None and rule.once:
        found.append(Fact("Condition", "Only the first task instance that pulls the value gets it."))
        found.append(Fact("Claimed by", _claimed(reference, known, viewer)))
    return found


def _description(told: Description) -> list[Fact]:
    more = f" and {told.more:,} more" if told.more else ""
    columns = ", ".join(f"{name} ({dtype})" for name, dtype in told.columns)
    found = [("Columns", columns, more), ("Keys", ", ".join(told.keys), more), ("Items", told.items or "", "")]
    return [Fact(name, printable(text) + rest) for name, text, rest in found if text]


def _place(spilled: bool, parts: int) -> str:
    if spilled:
        return "Object storage. Redis holds its rule, and where it is."
    return f"Redis, in {parts} parts" if parts else "Redis"


def _claimed(reference: Reference, known: Known | None, viewer: Viewer) -> str:
    """Say which task instance has claimed a read-once value, and when if that is known."""
    if known is None or not known.claimer:
        return "nobody so far"
    at, time = reference.coordinate, viewer.claim_times.get(reference.coordinate.key)
    when = "" if time is None else f", at {time:%Y-%m-%d %H:%M:%S} UTC"
    principal = claims.parse_claimer(known.claimer)
    if principal is None:
        return f"a task instance whose name in Redis is not readable{when}"
    who = names.task((principal.dag_id, principal.task_id), at.dag_id, viewer.readable)
    run = "" if who is None else f", run {cut(principal.run_id or '', names.MOST_CHARACTERS)}"
    return f"{who or hidden(1)}{run}{when}"
