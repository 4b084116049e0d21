"""One Airflow with users of each role, and a real browser, for all tests of pages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from devtools.airflow_stack import AirflowStack

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator

ROLES = ("viewer", "user", "op", "admin")
RUN = "manual__2026-01-01T00:00:00+00:00"
DAGS = Path(__file__).parent.parent / "dags_pages"
PREFIX = "/exclusive-xcom"


@dataclass(frozen=True)
class Site:
    """An Airflow whose DAG `shop` has run once, and clients of it."""

    airflow: AirflowStack

    def get(self, path: str, role: str | None = "admin") -> httpx.Response:
        """Load one of our pages as a browser does: the cookie tells who asks."""
        return self.send("GET", f"{PREFIX}{path}", role)

    def send(self, method: str, path: str, role: str | None = "admin", **options: object) -> httpx.Response:
        cookies = {} if role is None else {"_token": self.token(role)}
        return httpx.request(
            method,
            self.airflow.url + path,
            cookies=cookies,
            timeout=30,
            trust_env=False,
            **options,  # type: ignore[arg-type]
        )

    def token(self, role: str) -> str:
        """Return the token of the user who has a role."""
        answer = httpx.post(
            f"{self.airflow.url}/auth/token", json={"username": role, "password": role}, trust_env=False, timeout=30
        )
        return str(answer.raise_for_status().json()["access_token"])


@pytest.fixture(scope="package")
def site(
    new_airflow: Callable[..., AirflowStack], backend_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    passwords = tmp_path_factory.mktemp("users") / "passwords.json"
    passwords.write_text(json.dumps({role: role for role in ROLES}))
    env = {
        **backend_env,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{role}:{role}" for role in ROLES),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__EXCLUSIVE_REDIS_XCOM__OBSERVE": "reads",
    }
    parts = ("api-server", "scheduler", "dag-processor")
    with new_airflow(env, dags=DAGS, components=parts) as stack:
        stack.log_in("admin", "admin")
        stack.trigger("shop", run_id=RUN)
        stack.wait_run("shop", RUN)
        yield Site(stack)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Debian's chromium is not installed")
    with sync_playwright() as playwright:
        # As root, chromium runs without its sandbox alone.
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


class Window:
    """A window of a logged-in user. What its console says as an error fails the test."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self._url = page, url
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self, path: str) -> FrameLocator:
        """Open a page of Airflow that shows one of ours, and return the frame."""
        self.page.goto(self._url + path)
        frame = self.page.frame_locator("iframe")
        frame.locator("main").wait_for()
        return frame


@pytest.fixture
def window(browser: Browser, site: Site) -> Iterator[Callable[..., Window]]:
    contexts = []

    def new(role: str = "admin", theme: str = "light", width: int = 1280) -> Window:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="light")
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": site.token(role), "url": site.airflow.url}])
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        return Window(context.new_page(), site.airflow.url)

    yield new
    for context in contexts:
        context.close()
