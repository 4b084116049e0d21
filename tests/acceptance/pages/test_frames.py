"""All pages in Airflow's frames, as people use them: widths, themes, contrast, keyboard, and links out of the frame."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FrameLocator

from devtools.redis_server import RedisServer
from tests.acceptance.pages.conftest import BASE, PREFIX, RUN, Site, Window, Windows
from tests.acceptance.pages.routes import TASK_PAGE, address

if TYPE_CHECKING:
    from playwright.sync_api import Frame

OF_RUN = f"/dags/shop/runs/{quote(RUN, safe=':+')}"
ACCESS = "/dags/shop/plugin/xcom-access"
PLACES = {
    "DAG": "/dags/shop/plugin/xcom-access",
    "run": f"{OF_RUN}/plugin/xcoms-of-run",
    "task instance": f"{OF_RUN}/tasks/extract/plugin/xcoms",
    "mapped task instance": f"{OF_RUN}/tasks/each/mapped/1/plugin/xcoms",
    "overview": "/plugin/xcom-overview",
}
#: What the keyboard must reach: all that a mouse could use, and what scrolls.
_REACHABLE = "a[href], button, summary, select, textarea, input:not([type=hidden]), [tabindex='0']"


@dataclass(frozen=True)
class Place:
    """A page in its frame, opened once for several tests."""

    opened: Window
    frame: FrameLocator

    @property
    def inner(self) -> Frame:
        handle = self.opened.page.locator("iframe").element_handle()
        found = handle.content_frame()
        assert found is not None
        return found


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest, windows: Windows) -> Iterator[Place]:
    opened = windows.new(bypass_csp=True)  # axe-core is not ours, and runs in the page
    yield Place(opened, opened.open(PLACES[request.param]))
    assert opened.errors == []
    opened.page.close()


def test_everybody_can_read_it_in_both_themes(place: Place) -> None:
    """No finding of axe-core is serious: contrast, names, headers, landmarks. The frame follows Airflow's theme."""
    page, frame = place.opened.page, place.frame
    open_all(frame)
    for theme in ("light", "dark", "light"):
        page.evaluate("theme => { document.documentElement.classList.value = theme; }", theme)
        page.wait_for_function(
            "theme => document.querySelector('iframe').contentDocument.documentElement.dataset.theme === theme",
            arg=theme,
        )
        assert serious_findings(place.inner) == []


def test_nothing_is_cut_off_at_any_width(place: Place) -> None:
    open_all(place.frame)
    for width in (800, 1280):
        place.opened.page.set_viewport_size({"width": width, "height": 900})
        assert too_wide(place.frame) == []


def test_the_keyboard_alone_reaches_everything_and_shows_where_it_is(place: Place) -> None:
    frame = place.frame
    wanted = frame.locator(_REACHABLE).evaluate_all(
        "all => all.filter(each => each.checkVisibility()).map((each, at) => (each.dataset.at = at, each.outerHTML))"
    )
    assert wanted
    frame.locator("html").evaluate("() => { document.body.tabIndex = -1; document.body.focus(); }")

    reached, unseen = set(), []
    for _ in wanted:
        place.opened.page.keyboard.press("Tab")
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


def test_links_to_airflow_open_in_the_window_around_the_frame(place: Place, request: pytest.FixtureRequest) -> None:
    """One link of each kind. What opens is a page of Airflow about this DAG."""
    page, here = place.opened.page, PLACES[request.node.callspec.params["place"]]
    links = place.frame.locator("a.airflow").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    kinds = {kind_of(link): link for link in links if "/shop" in link}
    assert kinds

    for number, link in enumerate(kinds.values()):
        frame = place.opened.open(here) if number else place.frame
        open_all(frame)
        frame.locator(f'a.airflow[href="{link}"]').first.click()
        page.wait_for_url(re.compile(re.escape(link) + r"($|\?)"))
        assert link.startswith(f"{BASE}/dags/")
        page.get_by_text("shop").first.wait_for()
        assert page.get_by_text("Page Not Found").count() == 0


def test_axe_finds_what_is_wrong(window: Callable[..., Window]) -> None:
    """So the first test can fail."""
    opened = window(bypass_csp=True)
    place = Place(opened, opened.open(PLACES["run"]))
    place.frame.locator("main").evaluate(
        "main => { main.style.color = '#ddd'; main.insertAdjacentHTML('beforeend', '<img src=\"data:,\"><input>'); }"
    )
    assert {"color-contrast", "image-alt", "label"} <= {name for name, _ in serious_findings(place.inner)}


def test_each_page_leads_to_log_run_and_access(site: Site) -> None:
    links = {
        f"{OF_RUN}/tasks/extract/-1": [f"{OF_RUN}/tasks/extract", f"{OF_RUN}/plugin/xcoms-of-run", ACCESS],
        f"{OF_RUN}/tasks/each/1": [f"{OF_RUN}/tasks/each/mapped/1", f"{OF_RUN}/plugin/xcoms-of-run", ACCESS],
        OF_RUN: [f"{OF_RUN}/tasks/extract/plugin/xcoms", f"{OF_RUN}/tasks/each/mapped/1/plugin/xcoms"],
        "/dags/shop": ["/dags/shop/tasks/total", "/dags/shop/code"],
        "/overview": [ACCESS],
    }
    for page, expected in links.items():
        found = re.findall(r'<a class="airflow" href="([^"]+)"', site.get(page).text)
        assert {f"{BASE}{link}" for link in expected} <= set(found)


def test_the_server_answers_others_while_a_page_waits(site: Site, redis_server: RedisServer) -> None:
    """Redis holds up a page. The event loop is free all the same."""
    with ThreadPoolExecutor(1) as pool:
        redis_server.pause()
        try:
            waiting = pool.submit(site.get, address(TASK_PAGE))
            with contextlib.closing(Site(site.airflow)) as other:
                for _ in range(5):
                    assert other.send("GET", "/api/v2/version", None).status_code == 200
            was_waiting = not waiting.done()
        finally:
            redis_server.resume()
        assert was_waiting
        assert waiting.result().status_code == 200


def test_a_long_id_stays_in_the_page(window: Callable[..., Window], site: Site) -> None:
    page = window(width=800).page
    page.goto(f"{site.airflow.url}{PREFIX}/dags/shop/runs/{quote(RUN)}/tasks/{'long_' * 50}/-1")

    assert page.locator("h1").inner_text() == f"XComs of {'long_' * 50}"
    assert too_wide(page.main_frame) == []


def open_all(frame: FrameLocator) -> None:
    frame.locator("main").evaluate("main => main.querySelectorAll('details').forEach(each => { each.open = true; })")


def serious_findings(frame: Frame) -> list[tuple[str, list[str]]]:
    found: list[dict[str, Any]] = Axe().run(frame).response["violations"]
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious]


def too_wide(frame: FrameLocator | Frame) -> list[str]:
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
