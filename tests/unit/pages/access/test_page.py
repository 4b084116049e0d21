"""The DAG's page: what it shows of a DAG, and what it keeps to itself."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from exclusive_redis_xcom.access import TaskFacts
from exclusive_redis_xcom.access.overview.matrix import MOST_COLUMNS
from exclusive_redis_xcom.formats.observed import Count, Entry, Observed
from exclusive_redis_xcom.pages.access.known import _MOST_OTHERS, MOST_VERSIONS
from exclusive_redis_xcom.pages.access.matrix import _MOST_DRAWN
from exclusive_redis_xcom.pages.access.question import Asked
from exclusive_redis_xcom.pages.access.record import DAYS, Record, read
from tests.unit.access.made import facts
from tests.unit.pages.access.page import known, rendered

HOSTILE = "<script>alert('x')<img src=x onerror=y>\"' onload=x \u202e{{ 7 * 7 }}\x00"


class _Elements(HTMLParser):
    """All elements of a page, with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, name: str) -> list[str | None]:
        return [attributes[name] for _, attributes in self.found if name in attributes]


def test_names_of_any_kind_stay_text() -> None:
    dag = facts("shop", [TaskFacts(HOSTILE, frozenset({HOSTILE})), "load"], {"load": {"k": [HOSTILE]}})
    record = read(
        known(dag),
        _observed(Entry(HOSTILE, HOSTILE, (HOSTILE, HOSTILE), {"read": Count(1, 1), "rule": Count(2, 2)})),
        mode="reads",
        now_ms=3,
    )

    page = _Elements(rendered(known(dag), Asked(HOSTILE, HOSTILE, HOSTILE), record))

    assert [attributes for tag, attributes in page.found if tag == "script"] == [
        {"src": "/af/exclusive-xcom/static/pages.js", "defer": None}
    ]
    assert [tag for tag, _ in page.found if tag == "img"] == []
    assert page.attributes("onload") == page.attributes("onerror") == page.attributes("style") == []
    assert "49" not in page.text
    assert "\u202e" not in page.text
    assert "\x00" not in page.text
    assert "<script>alert('x')<img src=x onerror=y>" in page.text


def test_names_are_links_to_airflows_pages_behind_its_prefix() -> None:
    page = _Elements(rendered(known(facts("shop", ["extract", "load"], {"extract": {"token": ["load", "bi/x"]}}))))

    links = [attributes["href"] for tag, attributes in page.found if attributes.get("class") == "airflow"]
    assert {
        "/af/dags/shop/tasks/extract",
        "/af/dags/shop/tasks/load",
        "/af/dags/bi/tasks/x",
        "/af/dags/shop/code",
    } == set(links)


def test_dags_that_the_user_may_not_read_are_a_number() -> None:
    dag = facts("shop", ["extract", "load"], {"extract": {"token": ["load", "secret_dag/spy", "secret_*/x", "bi/y"]}})
    mine = known(dag, facts("bi", ["y"]), reads=("bi",))
    entries = [
        Entry("extract", "token", ("secret_dag", name), {"read": Count(1, 1), "rule": Count(2, 5)})
        for name in ("spy", "spies")
    ]

    page = rendered(mine, Asked("extract", "extract", "token"), read(mine, _observed(*entries), mode="reads", now_ms=6))

    assert not re.findall("secret_|spy|spies", page)
    assert "1 task and 1 pattern of tasks of DAGs that you may not see" in page
    assert page.count("2 tasks of DAGs that you may not see") == 2  # as readers, and as refused ones
    assert "bi/y" in page


def test_500_tasks_that_are_alike_are_one_row() -> None:
    page = rendered(known(facts("shop", [f"t_{number}" for number in range(500)])))

    assert page.count("<tr>") == 2
    assert "<summary>500 tasks: t_0, t_1, t_2, ...</summary>" in page


def test_500_tasks_that_are_not_alike_have_no_column_each_and_a_picture_on_request() -> None:
    rules = {f"t_{number}": {"return_value": [f"t_{number + 1}"]} for number in range(499)}
    large = known(facts("shop", [f"t_{number}" for number in range(500)], rules))
    page = rendered(large)

    assert page.count('<th scope="col">') == 6
    assert '<a href="/af/exclusive-xcom/dags/shop?picture=true#picture">' in page
    assert "<svg" not in page
    assert "<svg" in rendered(large, whole=True)


def test_a_dag_without_xcoms_says_so() -> None:
    page = rendered(known(facts("shop", [TaskFacts("t", computes_keys=False, returns=False)])))

    assert "<p>This DAG has no XCom: no task returns or pushes anything.</p>" in page
    assert "<p>There is nothing to draw.</p>" in page


def test_without_redis_all_but_the_record_is_shown() -> None:
    sentence = "Redis cannot be reached now, so reads and refusals are not shown."
    page = rendered(known(facts("shop", ["extract", "load"])), record=Record(sentence, mode="reads"))

    assert page.count(f'<p class="unknown">{sentence}</p>') == 3
    assert "/af/dags/shop/tasks/extract" in page


def test_the_docs_name_the_limits() -> None:
    docs = (Path(__file__).parents[4] / "docs/reference/pages.md").read_text()

    assert f"With more than {MOST_COLUMNS} readers," in docs
    assert f"A picture of more than {_MOST_DRAWN} keys and readers" in docs
    assert f"the latest {MOST_VERSIONS} versions" in docs
    assert f"in the last {DAYS} days" in docs
    assert f"At most {_MOST_OTHERS} other DAGs" in docs


def _observed(*entries: Entry) -> Observed:
    return Observed("shop", 1, 1, entries)
