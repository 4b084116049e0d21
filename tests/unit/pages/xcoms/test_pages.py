"""The pages of XComs as HTML: what they say in each state, and that no text becomes markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from exclusive_redis_xcom.formats import claims
from exclusive_redis_xcom.model import Coordinate, Description, Principal
from exclusive_redis_xcom.pages.rendering import environment
from exclusive_redis_xcom.pages.xcoms import entries as joining
from exclusive_redis_xcom.pages.xcoms.entries import Viewer, entries
from exclusive_redis_xcom.pages.xcoms.recorded import Reads, Recorded
from exclusive_redis_xcom.pages.xcoms.redis_facts import NOT_REACHED, RedisFacts
from exclusive_redis_xcom.pages.xcoms.rows import Row
from exclusive_redis_xcom.pages.xcoms.states import State
from exclusive_redis_xcom.preview import Column, Preview
from exclusive_redis_xcom.store.known import Known
from tests.unit.pages.xcoms.made import NOW, OWN_DAG, envelope, known, reference, row
from tests.unit.pages.xcoms.test_rules import facts as declared
from tests.unit.sealed_reference import AT, sealed_reference

HOSTILE = "<script>alert(1)</script>\u202e\"'>&\x00"
PAGING = {"start": 0, "total": 1, "end": 1, "before": None, "after": None}
VIEWER = Viewer(OWN_DAG, "open", declared({}))


def joined(of: Row, held: Known | None = None, viewer: Viewer = VIEWER, problem: str | None = None) -> Any:
    (entry,) = entries([of], RedisFacts(problem, {} if held is None else {of.at: held}), viewer)
    return entry


def of_task(shown: Sequence[Any], **changes: Any) -> str:
    variables: dict[str, Any] = {
        **{"dag_id": "sales", "run_id": "run:+1", "task_id": "extract", "map_index": -1},
        **{"pages": "/exclusive-xcom", "airflow": "", "csrf": "token", "problem": None, "paging": PAGING, "others": 0},
        **changes,
    }
    text: str = environment().get_template("xcoms_of_task.html.j2").render(entries=shown, **variables)
    return text


def of_run(shown: Sequence[Any], **changes: Any) -> str:
    variables = {
        **{"dag_id": "sales", "run_id": "run:+1", "task": "", "key": ""},
        **{"pages": "/exclusive-xcom", "airflow": "", "problem": None, "paging": PAGING, **changes},
    }
    text: str = environment().get_template("xcoms_of_run.html.j2").render(entries=shown, **variables)
    return text


def definitions(html: str) -> dict[str, str]:
    """Return the list of facts of a page with one XCom, as texts."""
    pairs = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", html, re.DOTALL)
    return {name: re.sub(r"<[^>]*>", "", text) for name, text in pairs}


def test_all_that_is_known_of_a_value_stands_in_the_list() -> None:
    frame = Description("pandas.DataFrame", (1000, 2), (("id", "int64"), ("name", "object")), more=3)
    head = envelope(compression="zstd", elsewhere=2048, decoded_size=10_240)
    entry = joined(row(reference(size=10_240)), known(head, told=frame))

    assert definitions(of_task([entry])) == {
        "Type": "pandas.DataFrame, 1,000 rows x 2 columns",
        "Pushed at": "2026-01-02 03:04:05 UTC",
        "Kept until": "2026-01-09 03:04:05 UTC",
        "Who may read": "load",
        "Columns": "id (int64), name (object) and 3 more",
        "Bytes": "10.0 KiB encoded, 2.0 KiB stored, compressed with zstd",
        "Where": "Redis",
        "Rule": "xcom_acl[&#39;extract&#39;][&#39;token&#39;]",
        "Read by": "nobody on record",
    }
    assert entry.left == joining.TimeLeft("6 d left of 7 d", "6 d", 103)


def test_it_says_who_has_read_and_how_often() -> None:
    entry = joined(row(reference()), known(envelope()))
    last = datetime(2026, 1, 2, tzinfo=timezone.utc)
    record = Recorded((Reads("load", 1, last), Reads("report", 1200, last)), hidden=1)

    html = of_task([replace(entry, record=record)])

    read_by = re.search(r"<dt>Read by</dt><dd>(.*?)</dd>", html, re.DOTALL)
    assert read_by is not None
    lines = [re.sub(r"<span.*?</span>|<[^>]*>", "", line).strip() for line in read_by[1].split("<br>")]
    assert lines == [
        "load, at 2026-01-02 00:00:00 UTC",
        "report, 1,200 times, last at 2026-01-02 00:00:00 UTC",
        "1 task of a DAG that you may not see",
        "",
    ]


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({}, "Redis"),
        ({"parts": 3}, "Redis, in 3 parts"),
        ({"spilled": "name"}, "Object storage. Redis holds its rule, and where it is."),
    ],
)
def test_it_says_where_the_value_is(changes: dict[str, Any], place: str) -> None:
    assert definitions(of_task([joined(row(reference()), known(envelope(**changes)))]))["Where"] == place


def test_a_read_once_value_says_who_has_it_and_has_no_button() -> None:
    claimer = claims.claimer_text(Principal("sales", "load", "run_1", -1))
    entry = joined(row(reference()), known(envelope(), {"consumers": ["load"], "once": True}, claimer=claimer))
    html = of_task([entry])

    assert definitions(html)["Claimed by"] == "load, run run_1"
    assert "This value may be read once, by one task instance. It is never revealed." in html
    assert "<button" not in html


def test_it_says_when_a_value_was_claimed_if_the_user_may_know() -> None:
    claimer = claims.claimer_text(Principal("sales", "load", "run_1", -1))
    held = known(envelope(), {"consumers": ["load"], "once": True}, claimer=claimer)
    viewer = replace(VIEWER, claim_times={"token": NOW})

    said = definitions(of_task([joined(row(reference()), held, viewer)]))["Claimed by"]
    assert said == "load, run run_1, at 2026-01-03 03:04:05 UTC"


def test_the_claimer_of_another_dag_has_no_name() -> None:
    claimer = claims.claimer_text(Principal("secret_dag", "load", "run_1", -1))
    entry = joined(row(reference()), known(envelope(), {"consumers": ["*/*"], "once": True}, claimer=claimer))

    assert definitions(of_task([entry]))["Claimed by"] == "1 task of a DAG that you may not see"


@pytest.mark.parametrize("state", [State.FOREIGN, State.MALFORMED, State.COPIED])
def test_of_a_row_that_is_not_ours_nothing_is_shown_but_its_sentence(state: State) -> None:
    other = reference(replace(AT, dag_id="secret_dag"), type_name="canary_type", consumers=("canary",), rule="canary")
    of = {State.FOREIGN: row(), State.MALFORMED: row(malformed=True), State.COPIED: row(other)}[state]
    html = of_task([joined(of, known(envelope()))])

    assert state.sentence.replace("'", "&#39;") in html
    assert definitions(html) == {"Pushed at": "2026-01-02 03:04:05 UTC"}
    assert "canary" not in html
    assert "secret_dag" not in html
    assert "<button" not in html


def test_with_redis_down_the_page_shows_what_the_database_knows() -> None:
    html = of_task([joined(row(reference()), problem=NOT_REACHED)], problem=NOT_REACHED)

    told = re.search(r'<p class="problem" role="status">(.*?)</p>', html)
    assert told is not None
    assert told[1] == (
        "Redis could not be asked, so this page shows only what Airflow&#39;s database knows. "
        "<code>exclusive-xcom doctor --role api-server</code> looks for the cause."
    )
    assert definitions(html)["Read by"] == "not known"
    assert definitions(html)["Type"] == "str"
    assert "<button" not in html


def test_a_sealed_value_shows_the_rule_in_its_seal() -> None:
    sealed = replace(sealed_reference(("load", "report")), consumers=("forged",), rule="forged")
    html = of_task([joined(row(sealed), known(envelope(key_id="seal:x")))])

    assert definitions(html)["Who may read"] == "load, report"
    assert definitions(html)["Bytes"] == "10 B encoded, 10 B stored, encrypted"
    assert "forged" not in html


@pytest.mark.parametrize(
    ("readers", "shown"),
    [
        ("load and report", "load, report"),
        ("load and 3 more", "load, ... and 3 more"),
        ("load and secret_dag/audit in this run", "load, 1 task of a DAG that you may not see"),
        ("secret_dag/audit, to be read once,", "1 task of a DAG that you may not see"),
    ],
)
def test_once_redis_has_lost_a_value_the_sentence_of_its_row_tells_who_might_read(readers: str, shown: str) -> None:
    about = f"str, 10 bytes, for {readers} until 9 Jan 03:04 UTC; the value is in Redis, not here"
    html = of_task([joined(row(reference(consumers=(), rule="", about=about)))])

    assert definitions(html)["Who may read"] == shown
    assert "Rule" not in definitions(html)
    assert "secret_dag" not in html


def test_no_text_becomes_markup_or_turns_the_line() -> None:
    at = Coordinate("sales", "run_1", HOSTILE, HOSTILE * 5)
    told = Description(HOSTILE, (2, 2), ((HOSTILE, HOSTILE),), (HOSTILE,), items=HOSTILE)
    hostile = reference(at, type_name=HOSTILE, consumers=(HOSTILE,), rule=HOSTILE)
    entry = joined(row(hostile, at), known(envelope(at), told=told, acl=b""))
    shown = Preview("table", HOSTILE, HOSTILE, HOSTILE, (Column(HOSTILE, HOSTILE),), ((HOSTILE,),), reason=HOSTILE)
    where = {"dag_id": "sales", "run_id": HOSTILE, "task_id": HOSTILE, "map_index": -1}
    revealed = environment().get_template("revealed.html.j2")
    for html in (
        of_task([entry], task_id=HOSTILE, run_id=HOSTILE),
        of_run([entry], task=HOSTILE, key=HOSTILE, run_id=HOSTILE),
        revealed.render(pages="", airflow="", entry=entry, shown=shown, sentence="", **where),
        revealed.render(pages="", airflow="", entry=None, shown=None, sentence=HOSTILE, **where),
    ):
        assert "<script>alert" not in html
        assert not re.search(r"<[a-z]+[^>]*\son[a-z]+=", html)
        assert "style=" not in html
    assert "\u202e" not in re.sub(r'value="[^"]*"', "", of_task([entry]))


def test_columns_and_keys_that_workers_wrote_print() -> None:
    told = Description("dict", (1,), (), ("\u202ek",))

    assert "\u202e" not in of_task([joined(row(reference()), known(envelope(), told=told))])


@pytest.mark.parametrize(("count", "opened"), [(1, 1), (8, 8), (9, 0), (100, 0)])
def test_few_keys_are_open_and_many_are_a_list(count: int, opened: int) -> None:
    html = of_task([joined(row(reference()), known(envelope()))] * count)

    assert html.count('<details class="xcom" open>') == opened
    assert html.count("<summary>") == count


def test_the_list_has_links_to_more_pages_that_keep_the_filter() -> None:
    paging = {"start": 100, "total": 10_000, "end": 200, "before": 0, "after": 200}
    html = of_run([joined(row(reference()), known(envelope()))], paging=paging, task="a&b", key="k")

    assert "<span>101 to 200 of 10,000</span>" in html
    base = "/exclusive-xcom/dags/sales/runs/run%3A%2B1?task=a%26b&amp;key=k&amp;start="
    assert re.findall(r'href="([^"]*start=\d+)"', html) == [f"{base}0", f"{base}200"]


def test_an_empty_page_says_what_to_do() -> None:
    nothing = "This task instance has no XCom. Either it has not returned or pushed anything so far, or it was cleared."

    assert nothing in of_task([])
    assert "This task is mapped." in of_task([], others=3)
    assert "This run has no XCom." in of_run([])
    assert "No XCom of this run matches." in of_run([], key="x")


def test_the_time_left_is_by_the_clock_of_redis() -> None:
    late = known(envelope(), now=NOW + timedelta(days=5, hours=12))

    assert joined(row(reference()), late).left == joining.TimeLeft("12 h left of 7 d", "12 h", 9)
