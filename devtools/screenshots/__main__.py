"""Take the pictures in docs/img: `python -m devtools.screenshots` starts an Airflow, runs DAGs and looks at them."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import sync_playwright

from devtools.airflow_home import ROOT
from devtools.airflow_stack import AirflowStack
from devtools.components import BACKEND, OURS
from devtools.redis_server import RedisServer
from devtools.tutorial.__main__ import PAGE
from devtools.tutorial.page import File, steps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import Browser, Page

FOLDER: Final = ROOT / "docs" / "img"
RUN: Final = "manual__2026-01-01T00:00:00+00:00"
#: Name of a picture -> the page of Airflow, and how tall the picture is.
PAGES: Final = {
    "access": ("/dags/sales/plugin/xcom-access", 860),
    "xcoms": (f"/dags/sales/runs/{RUN}/tasks/extract/plugin/xcoms", 700),
    "overview": ("/plugin/xcom-overview", 800),
    "refusal": ("/dags/first_refusal/plugin/xcom-access", 1500),
}
DAGS: Final = ("sales", "forecast", "first_refusal")
THEMES: Final = ("light", "dark")
#: The overview finds things out in threads, while somebody looks at it.
_SECONDS_UNTIL_ALL_IS_KNOWN: Final = 60


def main() -> int:
    """Take all pictures; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devtools.screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(PAGES)} (default: all)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pictures go (default: docs/img)")
    asked = parser.parse_args()
    folder, names = asked.folder, asked.names or list(PAGES)
    if unknown := set(names) - set(PAGES):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}")
    chromium = shutil.which("chromium")
    if chromium is None:
        print("There is no chromium. On Debian: apt-get install chromium")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="exclusive-xcom-screenshots-") as name, RedisServer() as redis:
        home = Path(name)
        shutil.copytree(Path(__file__).parent / "dags", home / "dags")
        _copy_tutorial(home)
        env = {
            "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
            f"{OURS}REDIS_URL": redis.url,
            f"{OURS}OBSERVE": "reads",
        }
        parts = ("api-server", "scheduler", "dag-processor")
        with AirflowStack(home, home / "dags", env, parts) as airflow, sync_playwright() as playwright:
            for dag_id in DAGS:
                airflow.trigger(dag_id, run_id=RUN)
            for dag_id in DAGS:
                airflow.wait_run(dag_id, RUN)
            # As root, chromium runs without its sandbox alone.
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for theme in THEMES:
                _take(browser, airflow.url, theme, folder, names)
            browser.close()
    return 0


def _copy_tutorial(home: Path) -> None:
    """Save the DAG of the tutorial. It runs when it is triggered, and not on its own too."""
    for step in steps((ROOT / PAGE).read_text()):
        if isinstance(step, File):
            (home / step.path).write_text(step.text.replace('schedule="@once"', "schedule=None"))


def _take(browser: Browser, url: str, theme: str, folder: Path, names: Iterable[str]) -> None:
    context = browser.new_context(color_scheme="dark" if theme == "dark" else "light")
    context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
    page = context.new_page()
    for name in names:
        path, height = PAGES[name]
        page.set_viewport_size({"width": 1280, "height": height})
        _open(page, url + path)
        file = folder / f"{name}-{theme}.png"
        page.screenshot(path=file)
        print(f"{file.name}: {file.stat().st_size / 1024:.0f} KiB", flush=True)
    context.close()


def _open(page: Page, address: str) -> None:
    """Open a page, again until nothing of it is still being found out."""
    until = time.monotonic() + _SECONDS_UNTIL_ALL_IS_KNOWN
    while True:
        page.goto(address, wait_until="networkidle")
        shown = page.frame_locator("iframe").locator("main")
        shown.wait_for()
        text = shown.inner_text()
        if ("being read" not in text and "so far" not in text) or time.monotonic() > until:
            return
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
