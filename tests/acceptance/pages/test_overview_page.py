"""The overview in the menu, in a real Airflow: with all there is to see, and where there is neither DAG nor Redis."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from devtools.airflow_stack import AirflowStack
from tests.acceptance.pages.conftest import PREFIX, Site, Window

PLACE = "/plugin/xcom-overview"
REFUSED = '/dags/shop/plugin/xcom-access">shop</a></th><td class="number">1</td>'
SECTIONS = ["Keys without a rule", "Widest grants", "Refusals", "Memory"]


@pytest.fixture(scope="module")
def seen(site: Site) -> str:
    """What an administrator sees as soon as the DAGs and the XComs of the run are known."""
    for _ in range(90):
        page = site.get("/overview").text
        if 'href="/airflow/dags/shop/plugin/xcom-access"' in page and REFUSED in page and "All of them" in page:
            return page
        time.sleep(1)
    pytest.fail("the overview never shows the DAG, its refusal and its memory")


def texts(page: str, tag: str) -> list[str]:
    found = re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", page, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", each)).split()) for each in found]


def headings(page: str) -> list[str]:
    return [re.sub(r" \d\d:\d\d:\d\d UTC$", "", each) for each in texts(page, "h2")]


def row(page: str, region: str, first: str) -> list[str]:
    """The cells of a table's row that begins with a text."""
    (table,) = re.findall(rf'aria-label="{region}">\s*<table>(.*?)</table>', page, re.DOTALL)
    rows = [texts(each, "t[hd]") for each in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)]
    return next(each for each in rows if each[0] == first)


def test_it_shows_health_rules_refusals_and_memory(seen: str) -> None:
    assert headings(seen) == ["Health", *SECTIONS]
    assert row(seen, "DAGs with keys that have no rule", "shop")[0] == "shop"
    assert row(seen, "DAGs with refusals", "shop") == ["shop", "1", "0"]
    name, xcoms, *sizes = row(seen, "Memory by DAG", "shop")
    assert (name, int(xcoms) > 5) == ("shop", True)
    assert sizes[0].endswith(("B", "KiB"))
    assert row(seen, "Other checks", "OK")[0] == "OK"
    assert row(seen, "Table of grants", "values")[1:3] == ["push: elsewhere", "*/anyone"]


def test_no_value_and_nothing_of_the_login_is_in_it(seen: str) -> None:
    assert "canary-token-of-shop" not in seen
    assert "<script>document" not in seen
    assert not re.search(r"redis://[^/ ]*:[^/ ]*@", seen)


@pytest.mark.parametrize("role", ["viewer", "user"])
def test_those_who_may_not_see_connections_do_not_see_health(site: Site, seen: str, role: str) -> None:
    page = site.get("/overview", role).text

    assert headings(page) == SECTIONS
    assert "maxmemory" not in page
    assert row(page, "DAGs with refusals", "shop") == row(seen, "DAGs with refusals", "shop")


@pytest.mark.parametrize("role", ["op", "admin"])
def test_operators_see_health(site: Site, role: str) -> None:
    assert headings(site.get("/overview", role).text)[0] == "Health"


def test_a_page_takes_no_longer_than_a_second(site: Site, seen: str) -> None:
    began = time.perf_counter()
    site.get("/overview", "viewer")
    site.get("/overview", "viewer")
    assert time.perf_counter() - began < 3


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 800)])
def test_airflow_shows_it_in_a_frame_under_browse(
    window: Callable[..., Window], seen: str, theme: str, width: int
) -> None:
    opened = window(theme=theme, width=width)
    frame = opened.open(PLACE)

    assert frame.locator("h1").inner_text() == "XCom overview"
    expect(frame.locator("html")).to_have_attribute("data-theme", theme)
    labels = frame.locator("svg.chart text.quiet")
    assert labels.count() == 14
    shapes = [labels.nth(place).bounding_box() for place in range(14)]
    edges = [(box["x"], box["x"] + box["width"], box["height"]) for box in shapes if box]
    assert all(left[1] < right[0] for left, right in pairwise(edges))  # no label covers another
    assert min(height for *_, height in edges) > 10
    main = frame.locator("main")
    assert main.evaluate("document.documentElement.scrollWidth <= window.innerWidth")  # nothing is cut off
    assert opened.errors == []

    frame.locator("summary", has_text="The same as a table").click()
    assert frame.locator("details[open] table").is_visible()
    frame.locator('a.airflow:has-text("shop")').first.click()
    opened.page.wait_for_url("**/dags/shop/plugin/xcom-access")


def test_it_is_in_airflows_menu(window: Callable[..., Window], site: Site) -> None:
    opened = window()
    opened.page.goto(site.airflow.url)
    opened.page.get_by_role("button", name="Browse").click()
    opened.page.get_by_role("menuitem", name="XCom overview").click()
    opened.page.frame_locator("iframe").locator("main").wait_for()
    assert opened.page.frame_locator("iframe").locator("h1").inner_text() == "XCom overview"


@pytest.fixture(scope="module")
def bare(
    new_airflow: Callable[..., AirflowStack], backend_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The overview of an API server without any DAG, whose Redis is down."""
    passwords = tmp_path_factory.mktemp("users") / "passwords.json"
    passwords.write_text(json.dumps({"admin": "admin"}))
    env = {
        **backend_env,
        "AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL": "redis://:canary-p4ssword@127.0.0.1:9/0",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
    }
    folder: Path = tmp_path_factory.mktemp("no-dags")
    with new_airflow(env, dags=folder, components=("api-server",)) as stack:
        login = {"username": "admin", "password": "admin"}
        token = httpx.post(f"{stack.url}/auth/token", json=login, trust_env=False, timeout=30).json()["access_token"]
        for _ in range(30):
            page = httpx.get(
                f"{stack.url}{PREFIX}/overview", cookies={"_token": token}, trust_env=False, timeout=30
            ).text
            if "being read" not in page:
                break
            time.sleep(1)
        yield page


def test_without_redis_and_dags_each_section_says_so(bare: str) -> None:
    said = texts(bare, "p")

    assert headings(bare) == ["Health", *SECTIONS]
    assert "There is no DAG that you may see. Airflow's DAG processor writes DAGs to its database." in said
    assert (
        "Redis has the record of refusals, and does not answer now. "
        "Airflow's audit log lists what API servers refused ( xcom_denied )."
    ) in said
    assert "Redis does not answer now." in said
    assert row(bare, "Failures and warnings", "FAIL")[:2] == ["FAIL", "Redis"]
    assert "canary-p4ssword" not in bare
