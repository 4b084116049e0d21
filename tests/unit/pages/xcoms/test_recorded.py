"""What the record says of a key, without the names of DAGs that the user may not read."""

from __future__ import annotations

from datetime import datetime, timezone

from exclusive_redis_xcom.formats.observed import READ, RULE, SEALED, WOULD_REFUSE, Count, Entry, Observed
from exclusive_redis_xcom.pages.xcoms.recorded import Reads, Recorded, Refusal, by_key, recorded
from tests.unit.pages.xcoms.made import OWN_DAG
from tests.unit.sealed_reference import AT


def time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)


def entry(reader: tuple[str, str] | None, **counts: tuple[int, int]) -> Entry:
    return Entry("extract", "token", reader, {kind: Count(*each) for kind, each in counts.items()})


def test_readers_come_latest_first_and_the_last_refusal_has_its_reason() -> None:
    found = recorded(
        [
            entry(("sales", "load"), **{READ: (3, 1000)}),
            entry(("sales", "late"), **{READ: (1, 9000), RULE: (2, 500)}),
            entry(None, **{SEALED: (1, 700)}),
        ],
        AT,
        OWN_DAG,
    )

    assert found == Recorded(
        reads=(Reads("late", 1, time(9000)), Reads("load", 3, time(1000))),
        refusal=Refusal("a process that nobody knows", "nobody opened the seal", 1, time(700), False),
    )


def test_readers_of_other_dags_are_counted() -> None:
    found = recorded(
        [
            entry(("secret_dag", "a"), **{READ: (1, 1)}),
            entry(("secret_dag", "b"), **{READ: (1, 1), WOULD_REFUSE: (1, 5)}),
        ],
        AT,
        OWN_DAG,
    )

    assert (found.reads, found.hidden, found.hidden_text) == ((), 2, "2 tasks of DAGs that you may not see")
    assert found.refusal == Refusal(
        "a task of a DAG that you may not see", "only reported: it got the value", 1, time(5), True
    )


def test_ten_readers_are_named() -> None:
    found = recorded([entry(("sales", f"t{n}"), **{READ: (1, n)}) for n in range(25)], AT, OWN_DAG)

    assert len(found.reads) == 10
    assert found.more == 15


def test_what_was_taken_back_does_not_count() -> None:
    assert recorded([entry(("sales", "load"), **{READ: (0, 1)})], AT, OWN_DAG) == Recorded()


def test_a_record_is_sorted_by_task_and_key() -> None:
    one = entry(("sales", "load"), **{READ: (1, 1)})

    assert by_key(Observed("sales", None, None, (one,))) == {("extract", "token"): [one]}
    assert by_key(None) == {}
