"""One Airflow with users of each role, and a real browser, for all tests of pages."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from devtools.airflow_stack import AirflowStack

if TYPE_CHECKING:
    from playwright.sync_api import FrameLocator

ROLES = ("viewer", "user", "op", "admin")
#: Who is logged in, and has no role.
NOBODY = "nobody"
RUN = "manual__2026-01-01T00:00:00+00:00"
DAGS = Path(__file__).parent.parent / "dags_pages"
PREFIX = "/exclusive-xcom"
#: Places of rules have the name of the DAG's file.
HOSTILE_FILE = "'\"><img src=x onerror=document.title=1>{{1234*9}}.py"
HOSTILE_RUN = "a+b:c'\"><img src=x onerror=document.title=1>{{1234*9}}"
#: All tests run behind a path prefix, as behind a proxy.
BASE = "/airflow"


class Site:
    """An Airflow whose DAG `shop` has run once, and clients of it."""

    def __init__(self, airflow: AirflowStack) -> None:
        self.airflow = airflow
        self._client = httpx.Client(base_url=airflow.url, timeout=60, trust_env=False)
        self._tokens: dict[str, str] = {}

    def get(self, path: str, role: str | None = "admin") -> httpx.Response:
        """Load one of our pages as a browser does: the cookie tells who asks."""
        return self.send("GET", f"{PREFIX}{path}", role)

    def send(self, method: str, path: str, role: str | None = "admin", **options: Any) -> httpx.Response:
        """Send a request. The path stays as it is, whatever is in it."""
        self._client.cookies.clear()
        if role is not None:
            self._client.cookies.set("_token", self.token(role))
        target = f"{BASE}{path}".encode()
        return self._client.request(method, "/", extensions={"target": target}, **options)

    def token(self, role: str) -> str:
        """Return the token of the user who has a role. Airflow makes no token for who has none, so this signs one."""
        if role not in self._tokens:
            self._tokens[role] = self._signed_for_nobody() if role == NOBODY else self._logged_in(role)
        return self._tokens[role]

    def _logged_in(self, role: str) -> str:
        answer = self._client.post("/auth/token", json={"username": role, "password": role})
        return str(answer.raise_for_status().json()["access_token"])

    def _signed_for_nobody(self) -> str:
        header = jwt.get_unverified_header(self.token("viewer"))
        claims = jwt.decode(self.token("viewer"), options={"verify_signature": False})
        claims |= {"sub": NOBODY, "role": None, "jti": NOBODY}
        secret = self.airflow.env["AIRFLOW__API_AUTH__JWT_SECRET"]
        return jwt.encode(claims, secret, algorithm=header["alg"], headers=header)

    def close(self) -> None:
        self._client.close()


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
        "AIRFLOW__SCHEDULER__ALLOWED_RUN_ID_PATTERN": "^[^/]+$",  # for an id with markup
    }
    parts = ("api-server", "scheduler", "dag-processor")
    stack = new_airflow(env, dags=DAGS, components=parts, base_path=BASE)
    (stack.dags_folder / "hostile.py").rename(stack.dags_folder / HOSTILE_FILE)
    with stack:
        stack.log_in("admin", "admin")
        stack.trigger("shop", run_id=RUN)
        stack.trigger("hostile", run_id=HOSTILE_RUN)
        stack.wait_run("shop", RUN)
        found = Site(stack)
        yield found
        found.close()


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
        page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self, path: str) -> FrameLocator:
        """Open a page of Airflow that shows one of ours, and return the frame."""
        self.page.goto(self._url + path)
        frame = self.page.frame_locator("iframe")
        frame.locator("main").wait_for()
        return frame


class Windows:
    """Windows of one browser, and of users of one Airflow. Windows of a user share what the browser keeps."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self._browser, self._site = browser, site
        self._contexts: dict[tuple[str, bool], BrowserContext] = {}

    def new(self, role: str = "admin", theme: str = "light", width: int = 1280, *, bypass_csp: bool = False) -> Window:
        page = self._context(role, bypass_csp).new_page()
        page.set_viewport_size(ViewportSize(width=width, height=900))
        page.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        return Window(page, self._site.airflow.url)

    def _context(self, role: str, bypass_csp: bool) -> BrowserContext:
        context = self._contexts.get((role, bypass_csp))
        if context is None:
            context = self._browser.new_context(color_scheme="light", bypass_csp=bypass_csp)
            url = self._site.airflow.url
            context.add_cookies([{"name": "_token", "value": self._site.token(role), "url": url}])
            self._contexts[role, bypass_csp] = context
        return context

    def close(self) -> None:
        for context in self._contexts.values():
            context.close()


@pytest.fixture(scope="package")
def windows(browser: Browser, site: Site) -> Iterator[Windows]:
    """For windows that tests of a module share."""
    with contextlib.closing(Windows(browser, site)) as found:
        yield found


@pytest.fixture
def window(windows: Windows) -> Iterator[Callable[..., Window]]:
    """For windows that last as long as a test."""
    opened: list[Window] = []

    def new(**options: Any) -> Window:
        opened.append(windows.new(**options))
        return opened[-1]

    yield new
    for each in opened:
        each.page.close()
