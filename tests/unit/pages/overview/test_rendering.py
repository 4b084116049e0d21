"""The page of the overview as HTML: hostile texts stay texts, and each state has its sentence."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from exclusive_redis_xcom.access import TaskFacts
from exclusive_redis_xcom.formats.observed import Day
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.pages.overview import health, sections
from exclusive_redis_xcom.pages.overview.dags import DagsRead
from exclusive_redis_xcom.pages.overview.memory import MemoryRead
from exclusive_redis_xcom.pages.overview.record import RecordRead
from exclusive_redis_xcom.pages.overview.renewed import Latest
from exclusive_redis_xcom.pages.overview.summary import Summary, summary
from exclusive_redis_xcom.pages.rendering import environment
from exclusive_redis_xcom.pages.user import Readable
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.store.sums import Sum
from tests.unit.access.made import facts

NOW = datetime(2026, 11, 30, 12, 34, 56, tzinfo=timezone.utc)
TODAY = 20_787
HOSTILE = "<script>alert('x')</script>\"'&\u202e\x1b{{ 7 * 7 }}"


def latest(state: Any, **changes: Any) -> Latest[Any]:
    return Latest(state, None if state is None else NOW, **{"goes_on": False, "failed": False, **changes})


def rendered(
    dags: Latest[DagsRead] | None = None,
    record: Latest[RecordRead] | None = None,
    memory: Latest[MemoryRead] | None = None,
    checked: Latest[list[Finding]] | None = None,
    readable: Readable | None = None,
    **changes: Any,
) -> str:
    dags, record, memory = dags or latest(None), record or latest(None), memory or latest(None)
    readable = readable or Readable(["dag"], ["dag"])
    variables = {
        "pages": "/p/exclusive-xcom",
        "airflow": "/p",
        "hidden": readable.hidden,
        "dags": dags,
        "rules": None if dags.state is None else sections.rules(dags.state, readable),
        "most_dags": 10_000,
        "default_consumers": "same_dag",
        "observe": "reads",
        "record": record,
        "refusals": None if record.state is None else sections.refusals(record.state, readable, TODAY),
        "memory": memory,
        "held": None if memory.state is None else sections.memory(memory.state, readable),
        "most_xcoms": 100_000,
        "checked": checked,
        "findings": None if checked is None or checked.state is None else health.in_order(checked.state),
        "words": health.WORDS,
    }
    text: str = environment().get_template("overview.html.j2").render({**variables, **changes})
    return " ".join(text.split())


def test_hostile_texts_stay_texts() -> None:
    found = summary(facts("dag", [TaskFacts("a", keys=frozenset({HOSTILE})), "b"], {"b": {"k": ["*/" + "x" * 250]}}))
    page = rendered(
        latest(DagsRead([HOSTILE], {HOSTILE: found})),
        latest(RecordRead({HOSTILE: [Day(TODAY, 1, 1)]})),
        latest(MemoryRead({HOSTILE: Sum(1, 1, 10, 0, 0)}, 1, is_whole=True)),
        latest([Finding("Redis", "FAIL", HOSTILE, f"`{HOSTILE}`")]),
        Readable([HOSTILE], [HOSTILE]),
    )

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "{{ 7 * 7 }}" in page
    assert "x" * 100 not in page
    assert "<code>" in page
    assert 'style="' not in page
    assert page.count("<script") == 1  # the frame's own


def test_links_go_to_the_dags_page_behind_the_prefix() -> None:
    page = rendered(latest(DagsRead(["dag"], {"dag": Summary(xcoms=1, without_rule=1, examples=("a: b",))})))

    assert '<a class="airflow" href="/p/dags/dag/plugin/xcom-access">dag</a>' in page


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "<p>DAGs are being read. Load this page again in some seconds.</p>"),
        ({}, "<p>Refusals are being read. Load this page again in some seconds.</p>"),
        ({}, "<p>XComs in Redis are being read. Load this page again in some seconds.</p>"),
        (
            {"dags": latest(None, failed=True)},
            '<p class="unknown">DAGs could not be read. The API server\'s log has the kind of error.</p>',
        ),
        (
            {"dags": latest(DagsRead(["dag"], {}))},
            '<p class="unknown">0 of 1 DAGs read so far. Load this page again to see more.</p>',
        ),
        (
            {"dags": latest(DagsRead([], {}))},
            "<p>There is no DAG that you may see. Airflow's DAG processor writes DAGs to its database.</p>",
        ),
        (
            {"dags": latest(DagsRead(["dag"], {"dag": Summary(xcoms=1)}))},
            "<p>Each known key of this DAG has a rule.</p>",
        ),
        (
            {"dags": latest(DagsRead(["dag"], {"dag": Summary(is_unreadable=True)}))},
            'The rules of <a class="airflow" href="/p/dags/dag/plugin/xcom-access">dag</a> cannot be read.',
        ),
        (
            {"dags": latest(DagsRead(["dag"], {"dag": Summary()})), "default_consumers": "anyone"},
            "With <code>default_consumers = anyone</code>, tasks of all DAGs may read each key without a rule.",
        ),
        (
            {"record": latest(RecordRead({}))},
            "<p>No pull was refused in the last 14 days, as far as tasks have recorded.</p>",
        ),
        ({"record": latest(RecordRead({})), "observe": "off"}, "Nothing is recorded here: <code>observe = off</code>."),
        (
            {"record": latest(RecordRead({}, is_unreachable=True))},
            "Redis has the record of refusals, and does not answer",
        ),
        ({"memory": latest(MemoryRead(problem="rights"))}, "The Redis user of this API server may not list XComs."),
        ({"memory": latest(MemoryRead(problem="unreachable"))}, '<p class="unknown">Redis does not answer now.</p>'),
        (
            {"memory": latest(MemoryRead({"dag": Sum(1, 1, 5)}, 1, is_whole=True, problem="unreachable"))},
            '<p class="unknown">Redis does not answer now. This is what it held before.</p>',
        ),
        (
            {"memory": latest(MemoryRead({"dag": Sum(9, 9, 5)}, 9))},
            '<p class="unknown">Not all XComs were looked at yet. Load this page again to see more.</p>',
        ),
        (
            {"memory": latest(MemoryRead({"dag": Sum(9, 9, 5)}, 100_000))},
            "Of the first 100000 XComs only. <code>exclusive-xcom du</code> sums up all.",
        ),
        (
            {"memory": latest(MemoryRead(is_whole=True))},
            "<p>Redis holds no XCom of a DAG that you may see. Values appear here when tasks push them.</p>",
        ),
        ({"readable": Readable([], ["a", "b"])}, "2 more DAGs that you may not see are not in it."),
        ({"readable": Readable([], ["a"])}, "1 more DAG that you may not see is not in it."),
        ({"checked": latest([Finding("Redis", "ok", "here")])}, "<p>Nothing failed, and there is no warning.</p>"),
        (
            {"checked": latest(None, goes_on=True)},
            "<p>Redis and this API server are being read. Load this page again in some seconds.</p>",
        ),
    ],
)
def test_each_state_has_its_sentence(variables: dict[str, Any], sentence: str) -> None:
    assert sentence in rendered(**variables)


def test_what_is_to_be_acted_on_comes_first_with_a_word_and_a_remedy() -> None:
    findings = [
        Finding("Redis", "ok", "answers"),
        Finding("ring", "warning", "old", "Run `a`."),
        Finding("x", "FAIL", "no", "Do `b`."),
    ]

    page = rendered(checked=latest(findings))

    assert page.index(">FAIL<") < page.index(">WARN<") < page.index("<summary>1 check without") < page.index(">OK<")
    assert "Do <code>b</code>." in page


def test_without_the_right_to_see_connections_there_is_no_health() -> None:
    assert 'id="health"' not in rendered()


def test_the_chart_has_a_bar_and_a_row_for_each_day() -> None:
    page = rendered(record=latest(RecordRead({"dag": [Day(TODAY, 3, 2), Day(TODAY - 1, 1, 0)]})))

    assert "4 pulls were refused in the last 14 days, and 2 more would have been." in page
    assert "<title>2026-11-30: 3 refused</title>" in page
    assert '<tr><th scope="row">2026-11-30</th><td class="number">3</td><td class="number">2</td></tr>' in page
    assert page.count('<text class="quiet"') == 14


def test_ttls_are_judged() -> None:
    settings = load_settings()

    well = health.of_ttls(settings, MemoryRead(xcoms=5))
    badly = health.of_ttls(settings, MemoryRead(xcoms=5, without_ttl=2))
    unknown = health.of_ttls(settings, None)

    kept = "a value is kept for 7 d (ttl_seconds), where no rule says otherwise"
    assert (well.result, well.seen) == ("ok", f"all 5 XComs that were looked at have a TTL; {kept}")
    assert (badly.result, badly.seen) == ("warning", f"2 of 5 XComs in Redis have no TTL; {kept}")
    assert (unknown.result, unknown.seen) == ("skipped", f"{kept}; the XComs in Redis were not looked at")
