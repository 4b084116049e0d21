"""The built site in a browser: it asks no other host, finds words, and fits a small screen."""

from __future__ import annotations

import functools
import shutil
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(built))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def page(address: str) -> Iterator[Page]:
    """A window of a small screen, whose user likes it light. Other hosts cannot be reached."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Debian's chromium is not installed")
    with sync_playwright() as playwright:
        # As root, chromium runs without its sandbox alone.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 400, "height": 800}, color_scheme="light")
        page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        yield page
        browser.close()


@pytest.fixture
def foreign(page: Page, address: str) -> Iterator[list[str]]:
    """What the page asked other hosts for."""
    asked: list[str] = []

    def listen(request: object) -> None:
        url = str(getattr(request, "url", ""))
        if not url.startswith((address, "file:", "data:", "blob:")):
            asked.append(url)

    page.on("request", listen)
    yield asked
    page.remove_listener("request", listen)


PAGES = ["index", "reference/command-line", "explanation/security"]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_small_screen_and_asks_no_other_host(
    page: Page, address: str, foreign: list[str], name: str
) -> None:
    page.goto(f"{address}/{name}.html", wait_until="networkidle")

    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert foreign == []


def search(page: Page, words: str) -> None:
    """Type words into the search. On a busy machine, a key may be pressed before the page listens to keys."""
    for _ in range(40):
        page.keyboard.press("Control+k")
        page.wait_for_timeout(500)
        if page.evaluate("document.activeElement !== document.body"):
            break
    page.keyboard.type(words)


def test_the_search_finds_a_section(page: Page, address: str, foreign: list[str]) -> None:
    page.goto(f"{address}/index.html", wait_until="networkidle")

    search(page, "wrapped")
    page.get_by_role("option").filter(has_text="What a wrapped key proves").first.click()

    expect(page.get_by_role("heading", name="What a wrapped key proves")).to_be_in_viewport()
    assert foreign == []


def test_the_search_finds_a_section_where_the_site_is_a_folder(page: Page, built: Path, foreign: list[str]) -> None:
    page.goto((built / "how-to/faq.html").as_uri(), wait_until="networkidle")

    search(page, "wrapped")
    page.get_by_role("option").filter(has_text="What a wrapped key proves").first.click()

    expect(page.get_by_role("heading", name="What a wrapped key proves")).to_be_in_viewport()
    assert foreign == []


def test_pictures_follow_the_toggle(page: Page, address: str) -> None:
    page.goto(f"{address}/reference/pages.html", wait_until="networkidle")
    shown = "() => document.querySelector('picture img').currentSrc.split('/').pop()"
    before = page.evaluate(shown)

    while page.locator("body").get_attribute("data-md-color-scheme") != "slate":
        page.locator("[data-md-component=palette] label:visible").click()
    page.wait_for_function(f"({shown})() === 'access-dark.png'")

    assert before == "access-light.png"


def test_drawings_follow_the_toggle(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html", wait_until="networkidle")
    scheme = "() => getComputedStyle(document.querySelector('article img')).colorScheme"
    seen = set()

    for _ in range(3):
        page.locator("[data-md-component=palette] label:visible").click()
        seen.add((page.locator("body").get_attribute("data-md-color-scheme"), page.evaluate(scheme)))

    assert seen == {("default", "light"), ("slate", "dark")}
