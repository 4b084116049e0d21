"""The page of a DAG: who may read which of its XComs."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.acceptance.pages.conftest import RUN, Site, Window

CHANGING = """
from airflow.sdk import DAG, task

with DAG("changing", schedule=None, params={{"xcom_acl": {{"extract": {{"*": ["{consumer}"]}}}}}}):

    @task
    def extract():
        return 1

    @task
    def load():
        pass

    @task
    def report():
        pass

    extract() >> [load(), report()]
"""
REFUSED = [
    "no spy may not pull 'token' of extract: only load may.",
    "Rule: xcom_acl['extract']['token'] at shop.py:8 allows only 'load'.",
    "To allow it, add spy to the consumers of xcom_acl['extract']['token'] at shop.py:8: ['load', 'spy']. Then clear "
    "extract: the rule is stored with the value.",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_airflow_shows_it_in_a_frame_of_the_dag_in_the_colours_of_its_theme(
    window: Callable[..., Window], theme: str
) -> None:
    opened = window(theme=theme)
    frame = opened.open("/dags/shop/plugin/xcom-access")
    assert frame.locator("h1").inner_text() == "Who may read which XCom"
    expect(frame.locator("html")).to_have_attribute("data-theme", theme)
    page = frame.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert page == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 24, 31)"}[theme]
    assert opened.errors == []


@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_is_cut_off(window: Callable[..., Window], width: int) -> None:
    frame = window(width=width).open("/dags/shop/plugin/xcom-access")
    missing = frame.locator("html").evaluate("html => html.scrollWidth - html.clientWidth")
    assert missing == 0
    assert frame.locator("#matrix tbody tr").first.inner_text().split() == [
        *("each", "return_value", "yes", "default_consumers", "(same_dag)")
    ]


def test_the_form_is_used_with_the_keyboard_alone(window: Callable[..., Window]) -> None:
    opened = window()
    frame = opened.open("/dags/shop/plugin/xcom-access")
    frame.locator("nav a").last.focus()
    keyboard = opened.page.keyboard
    for text in ("spy", "extract", "token"):
        keyboard.press("Tab")
        keyboard.type(text)
    keyboard.press("Enter")

    frame.locator(".answer").wait_for()
    assert frame.locator(".answer > p").all_inner_texts() == REFUSED
    assert frame.locator("input[name=consumer]").input_value() == "spy"
    assert opened.errors == []


def test_the_sentence_is_the_one_of_the_error_that_the_task_got(site: Site) -> None:
    log = site.airflow.task_log("shop", RUN, "spy")
    assert REFUSED[0].removeprefix("no ") in log
    assert REFUSED[2] in log


def test_a_link_opens_in_the_window_around_the_frame(window: Callable[..., Window]) -> None:
    opened = window()
    frame = opened.open("/dags/shop/plugin/xcom-access")
    frame.locator("#matrix a.airflow", has_text="total").first.click()
    opened.page.wait_for_url("**/dags/shop/tasks/total**")


def test_reads_and_refusals_of_the_run_are_listed(site: Site) -> None:
    text = site.get("/dags/shop").text
    refusals = text.partition('id="refusals"')[2].partition("</section>")[0]
    reads = text.partition('id="reads"')[2].partition("</section>")[0]
    assert ">spy</a>" in refusals
    assert "<td>the rule does not name it</td>" in refusals
    assert ">load</a>" in reads
    assert ">spy</a>" not in reads


def test_a_version_with_other_rules_tells_who_gained_and_who_lost(site: Site, window: Callable[..., Window]) -> None:
    airflow = site.airflow
    airflow.add_dag("changing", CHANGING.format(consumer="load"))
    assert "This DAG has one version" in site.get("/dags/changing").text
    # Without a run, Airflow writes the new rules into the same version.
    airflow.wait_run("changing", airflow.trigger("changing"))
    airflow.add_dag("changing", CHANGING.format(consumer="report"))

    frame = window().open("/dags/changing/plugin/xcom-access")
    assert [text.splitlines()[0] for text in frame.locator(".changes li").all_inner_texts()] == [
        "GAINED report may now read extract:return_value",
        "REVOKED load may no longer read extract:return_value",
    ]
    assert "Version 2 of" in frame.locator("#changes > p").inner_text()


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/dags/no_such_dag", 404, "Airflow&#39;s database has no serialized DAG &#39;no_such_dag&#39;."),
        ("/dags/shop?since=0", 422, "The address of this page is wrong. Go back to Airflow, and open the page there."),
        ("/dags/shop?since=77", 200, "There is no earlier version 77 among the latest 20 versions."),
        (
            f"/dags/shop?task={'x' * 251}",
            422,
            "The address of this page is wrong. Go back to Airflow, and open the page there.",
        ),
        ("/dags/shop?consumer=no_such_dag/x&task=extract", 200, "You may not read DAG &#39;no_such_dag&#39;"),
        ("/dags/shop?consumer=a%00/x&task=extract", 200, "You may not read DAG &#39;a\\x00&#39;"),
        ("/dags/~", 422, "The address of this page is wrong. Go back to Airflow, and open the page there."),
    ],
)
def test_what_cannot_be_shown_has_one_sentence(site: Site, path: str, status: int, text: str) -> None:
    answer = site.get(path)
    assert answer.status_code == status
    assert text in answer.text


def test_what_is_written_into_the_form_stays_text(window: Callable[..., Window], site: Site) -> None:
    asked = urlencode({"consumer": "<script>document.title='run'</script>", "task": '"><img src=x>', "key": "'"})
    opened = window()
    opened.page.goto(f"{site.airflow.url}/exclusive-xcom/dags/shop?{asked}")
    assert opened.page.title() == "XCom access of shop"
    assert opened.page.locator("img").count() == 0
    assert opened.errors == []
