"""The app that the plugin mounts: what every answer says to a browser, and what is answered when something fails."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from exclusive_redis_xcom.pages.mounted import Pages
from exclusive_redis_xcom.pages.paths import external_views

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


async def get(app: object, path: str, root_path: str = "") -> httpx.Response:
    transport = httpx.ASGITransport(app=app, root_path=root_path)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
        return await client.get(path)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_pages_that_cannot_be_built_are_closed_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "exclusive_redis_xcom.pages.application", None)
    with caplog.at_level(logging.ERROR, "exclusive_redis_xcom"):
        answer = await get(Pages(), "/dags/shop")
    assert answer.status_code == 403
    assert answer.text == (
        "The XCom pages could not be built here, so they are closed. The API server's log has the reason.\n"
    )
    assert "The XCom pages are closed and answer 403: ModuleNotFoundError" in caplog.text


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/static/pages.css", "/nothing/here"])
async def test_no_answer_lets_a_browser_run_or_frame_what_is_not_ours(path: str) -> None:
    headers = (await get(Pages(), path)).headers
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'self'; base-uri 'none'"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.anyio
async def test_a_page_is_not_kept_and_the_style_sheet_is() -> None:
    assert (await get(Pages(), "/nothing/here")).headers["cache-control"] == "no-store"
    assert (await get(Pages(), "/static/pages.css")).headers["cache-control"] == "max-age=600"


@pytest.mark.anyio
async def test_pages_stand_behind_the_prefix_of_the_api_server() -> None:
    answer = await get(Pages(), "/nothing/here", root_path="/airflow/exclusive-xcom")
    assert answer.status_code == 404
    assert '<link rel="stylesheet" href="/airflow/exclusive-xcom/static/pages.css">' in answer.text


@pytest.mark.anyio
async def test_an_error_that_nobody_expected_is_a_page_that_does_not_quote_it(caplog: pytest.LogCaptureFixture) -> None:
    from exclusive_redis_xcom.pages.errors import with_failures

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("canary-value")

    with caplog.at_level(logging.ERROR, "exclusive_redis_xcom"):
        answer = await get(with_failures(failing), "/dags/shop")
    assert answer.status_code == 500
    assert "This page failed. The log of the API server says where." in answer.text
    assert "canary-value" not in answer.text + caplog.text
    assert "A page of XComs failed: RuntimeError at " in caplog.text
    assert "test_mounted.py:" in caplog.text


def test_views_stand_behind_the_path_of_the_base_url() -> None:
    hrefs = {view["url_route"]: view["href"] for view in external_views("https://host/airflow/")}
    assert hrefs == {
        "xcom-access": "/airflow/exclusive-xcom/dags/{DAG_ID}",
        "xcoms-of-run": "/airflow/exclusive-xcom/dags/{DAG_ID}/runs/{RUN_ID}",
        "xcoms": "/airflow/exclusive-xcom/dags/{DAG_ID}/runs/{RUN_ID}/tasks/{TASK_ID}/{MAP_INDEX}",
        "xcom-overview": "/airflow/exclusive-xcom/overview",
    }


def test_without_a_base_url_views_stand_at_the_root() -> None:
    assert external_views("")[0]["href"] == "/exclusive-xcom/dags/{DAG_ID}"
