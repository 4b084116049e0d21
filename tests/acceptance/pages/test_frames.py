"""All pages in Airflow's frames, as people use them: widths, themes, contrast, keyboard, and links out of the frame."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FrameLocator

from devtools.redis_server import RedisServer
from tests.acceptance.pages.conftest import BASE, RUN, Site, Window
from tests.acceptance.pages.routes import TASK_PAGE, address

if TYPE_CHECKING:
    from playwright.sync_api import Frame

OF_RUN = f"/dags/shop/runs/{quote(RUN, safe='')}"
PLACES = {
    "DAG": "/dags/shop/plugin/xcom-access?consumer=spy&task=extract&key=token",
    "run": f"{OF_RUN}/plugin/xcoms-of-run",
    "task instance": f"{OF_RUN}/tasks/extract/plugin/xcoms",
    "mapped task instance": f"{OF_RUN}/tasks/each/mapped/1/plugin/xcoms",
    "overview": "/plugin/xcom-overview",
}
#: What the keyboard must reach: all that a mouse could use, and what scrolls.
_REACHABLE = "a[href], button, summary, select, textarea, input:not([type=hidden]), [tabindex='0']"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("place", PLACES)
def test_everybody_can_read_it(window: Callable[..., Window], place: str, theme: str) -> None:
    """No finding of axe-core that is serious: contrast, names, headers, landmarks. Nothing is cut off at any width."""
    opened = window(theme=theme, bypass_csp=True)  # axe-core is not ours, and runs in the page
    frame = opened.open(PLACES[place])
    for element in frame.locator("details").all():
        element.evaluate("element => element.open = true")

    assert frame.locator("html").get_attribute("data-theme") == theme
    assert serious_findings(inner(opened)) == []
    for width in (1280, 800):
        opened.page.set_viewport_size({"width": width, "height": 900})
        assert too_wide(frame) == []
    assert opened.errors == []


def test_axe_finds_what_is_wrong(window: Callable[..., Window]) -> None:
    """So the test above can fail."""
    opened = window(bypass_csp=True)
    frame = opened.open(PLACES["run"])
    frame.locator("main").evaluate(
        "main => { main.style.color = '#ddd'; main.insertAdjacentHTML('beforeend', '<img src=\"data:,\"><input>'); }"
    )
    assert {"color-contrast", "image-alt", "label"} <= {name for name, _ in serious_findings(inner(opened))}


@pytest.mark.parametrize("place", PLACES)
def test_the_keyboard_alone_reaches_everything_and_shows_where_it_is(window: Callable[..., Window], place: str) -> None:
    opened = window()
    frame = opened.open(PLACES[place])
    wanted = frame.locator(_REACHABLE).evaluate_all(
        "all => all.filter(each => each.checkVisibility()).map((each, at) => (each.dataset.at = at, each.outerHTML))"
    )
    assert wanted
    frame.locator("html").evaluate("() => { document.body.tabIndex = -1; document.body.focus(); }")

    reached, unseen = set(), []
    for _ in wanted:
        opened.page.keyboard.press("Tab")
        at, is_seen = frame.locator("html").evaluate(
            """() => {
              const style = getComputedStyle(document.activeElement);
              const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
              return [document.activeElement.dataset.at, outlined || style.boxShadow !== 'none'];
            }"""
        )
        reached.add(at)
        if not is_seen:
            unseen.append(at)

    assert [html for at, html in enumerate(wanted) if str(at) not in reached] == []
    assert [wanted[int(at)] for at in unseen if at is not None] == []


@pytest.mark.parametrize("place", PLACES)
def test_links_to_airflow_open_in_the_window_around_the_frame(window: Callable[..., Window], place: str) -> None:
    """One link of each kind. What opens is a page of Airflow, and no page that Airflow does not know."""
    opened = window()
    frame = opened.open(PLACES[place])
    links = frame.locator("a.airflow").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    kinds = {kind_of(link): link for link in links}
    assert kinds

    for link in kinds.values():
        frame = opened.open(PLACES[place])
        found = frame.locator(f'a.airflow[href="{link}"]').first
        found.evaluate(
            "each => { for (let at = each; at; at = at.parentElement) if (at.open === false) at.open = true; }"
        )
        found.click()
        opened.page.wait_for_url(lambda url, link=link: urlsplit(url).path == urlsplit(link).path)
        assert link.startswith(f"{BASE}/")
        opened.page.get_by_text("shop").first.wait_for()
        assert opened.page.get_by_text("Page Not Found").count() == 0
    assert opened.errors == []


def test_links_lead_to_dag_task_run_and_log(site: Site) -> None:
    text = site.get(address(TASK_PAGE)).text
    for path in ("/dags/shop", f"{OF_RUN}", f"{OF_RUN}/tasks/extract"):
        assert f'class="airflow" href="{BASE}{path}"' in text


def test_the_server_answers_others_while_a_page_waits(site: Site, redis_server: RedisServer) -> None:
    """Redis holds up a page. The event loop is free all the same."""
    with ThreadPoolExecutor(1) as pool:
        redis_server.pause()
        try:
            waiting = pool.submit(Site(site.airflow).get, address(TASK_PAGE))
            for _ in range(5):
                assert site.send("GET", "/api/v2/version").status_code == 200
            was_waiting = not waiting.done()
        finally:
            redis_server.resume()
        assert was_waiting
        assert waiting.result().status_code == 200


def inner(opened: Window) -> Frame:
    """The frame of our page."""
    (found,) = [frame for frame in opened.page.frames if "/exclusive-xcom/" in frame.url]
    return found


def serious_findings(frame: Frame) -> list[tuple[str, list[str]]]:
    found: list[dict[str, Any]] = Axe().run(frame).response["violations"]
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious]


def too_wide(frame: FrameLocator) -> list[str]:
    """What sticks out of the frame, if the page scrolls sideways. Wide tables scroll in boxes of their own."""
    found: list[str] = frame.locator("html").evaluate(
        """html => html.scrollWidth <= html.clientWidth ? [] : [...document.querySelectorAll('main *')]
          .filter(each => each.getBoundingClientRect().right > html.clientWidth && !each.closest('.wide'))
          .map(each => each.outerHTML.slice(0, 200))"""
    )
    return found


def kind_of(link: str) -> tuple[str, ...]:
    """The steps of a path that are no ids."""
    steps = {"dags", "runs", "tasks", "mapped", "plugin", "xcom-access", "xcoms", "code", "xcom-overview"}
    return tuple(step for step in urlsplit(link).path.split("/") if step in steps)
