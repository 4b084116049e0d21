"""The record of reads and refusals, as the DAG's page shows it."""

from __future__ import annotations

import re

import pytest

from exclusive_redis_xcom.formats.observed import Count, Entry, Observed
from exclusive_redis_xcom.pages import here
from exclusive_redis_xcom.pages.access.record import Record, Unused, read, record
from tests.unit.access.made import facts
from tests.unit.pages.access.conftest import Database
from tests.unit.pages.access.page import known, rendered

DAY = 86_400_000
NOW = 20 * DAY
SHOP = facts("shop", ["extract", "load", "report"], {"extract": {"token": ["load", "report"]}, "load": {"k": "nobody"}})


def _record(*entries: Entry, reads_since: int | None = 1, lost: Count | None = None) -> Record:
    return read(known(SHOP), Observed("shop", 1, reads_since, entries, lost), mode="reads", now_ms=NOW)


def test_refusals_of_the_last_days_come_with_the_latest_first() -> None:
    found = _record(
        Entry("extract", "token", ("shop", "spy"), {"rule": Count(3, NOW - 7 * DAY), "would_refuse": Count(1, NOW)}),
        Entry("extract", "token", None, {"nobody": Count(2, NOW - 8 * DAY)}),
        Entry("extract", "token", ("bi", "x"), {"once": Count(1, NOW - DAY), "read": Count(1, NOW)}),
    )

    assert [(each.reader, each.key, each.why, each.number, each.last and each.last.utc) for each in found.refusals] == [
        ("spy", "token", "only reported: it got the value", 1, "1970-01-21 00:00:00 UTC"),
        ("bi/x", "token", "another task instance has read it", 1, "1970-01-20 00:00:00 UTC"),
        ("spy", "token", "the rule does not name it", 3, "1970-01-14 00:00:00 UTC"),
    ]
    assert found.older == 1
    assert [(each.reader, each.number) for each in found.reads] == [("bi/x", 1)]


def test_consumers_that_have_read_nothing() -> None:
    found = _record(Entry("extract", "token", ("shop", "load"), {"read": Count(3, 5)}))

    assert found.unused == (Unused("xcom_acl['extract']['token']", "report"),)


@pytest.mark.parametrize("gap", [{"reads_since": None}, {"lost": Count(1, 1)}])
def test_a_record_with_gaps_does_not_tell_what_was_never_used(gap: dict[str, Count | None]) -> None:
    entry = Entry("extract", "token", ("shop", "load"), {"rule": Count(3, 5)})

    assert _record(entry, **gap).unused is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "advice"), [("reads", ""), ("refusals", " Set <code>observe = reads</code> where tasks run.")]
)
def test_where_reads_are_recorded_nobody_is_told_to_record_them(mode: str, advice: str) -> None:
    page = rendered(known(SHOP), record=Record(mode=mode))

    assert f"<p>Nobody can tell which grants were used: no read was recorded.{advice}</p>" in page


@pytest.mark.parametrize(
    ("mode", "sentences"),
    [
        (
            "off",
            [
                "Nothing is recorded: the setting <code>observe</code> is off here. Set <code>observe = refusals</code>"
                " where tasks run.",
                "Reads are not recorded here: <code>observe</code> records nothing. Set <code>observe = reads</code> "
                "where tasks run.",
            ],
        ),
        (
            "refusals",
            [
                "No refusal was recorded in these days.",
                "Reads are not recorded here: <code>observe</code> records refusals alone. Set <code>observe = "
                "reads</code> where tasks run.",
            ],
        ),
        (
            "reads",
            [
                "No refusal was recorded in these days.",
                "No read was recorded yet. A read is recorded when a task pulls an XCom of this DAG.",
            ],
        ),
    ],
)
def test_an_empty_record_says_why_it_is_empty(mode: str, sentences: list[str]) -> None:
    page = rendered(known(SHOP), record=read(known(SHOP), None, mode=mode, now_ms=NOW))

    assert [f"<p>{sentence}</p>" in page for sentence in sentences] == [True, True]


def test_redis_that_cannot_be_reached_is_said(database: Database) -> None:
    database.write("shop", {})
    here._source.cache_clear()

    found = record(database.known("shop"))

    assert found == Record("Redis cannot be reached now, so reads and refusals are not shown.", mode="refusals")


def test_a_link_leads_to_a_task_whatever_workers_have_recorded() -> None:
    entry = Entry("../../../auth/logout", "k", ("..//evil.example", "a/../../b?c"), {"rule": Count(1, NOW)})

    links = re.findall('class="airflow" href="([^"]*)"', rendered(known(SHOP), record=_record(entry)))

    assert "/af/dags/shop/tasks/..%2F..%2F..%2Fauth%2Flogout" in links
    assert "/af/dags/..%2F%2Fevil.example/tasks/a%2F..%2F..%2Fb%3Fc" in links
    assert not [link for link in links if "/../" in link or "//" in link]


def test_half_of_a_character_in_a_record_does_not_break_the_page() -> None:
    entry = Entry("\ud800", "\ud800", ("shop", "\ud800"), {"rule": Count(1, NOW)})

    assert r'<td class="key">\ud800</td>' in rendered(known(SHOP), record=_record(entry))


def test_long_records_are_cut() -> None:
    entries = [
        Entry("extract", f"k{number}", ("shop", "spy"), {"rule": Count(1, NOW - number)}) for number in range(130)
    ]
    page = rendered(known(SHOP), record=_record(*entries))

    assert page.count("the rule does not name it") == 100
    assert "<p>30 more rows are older. <code>exclusive-xcom denials --dag shop</code> lists them.</p>" in page
