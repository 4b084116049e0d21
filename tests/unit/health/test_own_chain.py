"""The ring and the watch are looked for in the chain of the process itself."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.api_server.watch.middleware import Watch
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.own_chain import chain_of, judged
from exclusive_redis_xcom.settings import Settings
from tests.unit.cli.doctor.patients import PRIVATE, PUBLIC, sealed_visit, visit


def chain(settings: Settings | None, *classes: Any) -> list[object]:
    """Build the chain as Airflow does: the plugin's middlewares stand innermost."""
    app = Starlette(middleware=[Middleware(each, settings=settings, store=lambda: None) for each in classes])
    app.middleware_stack = app.build_middleware_stack()  # the first request does this, too
    return chain_of(app)


@pytest.fixture
def by_server() -> Settings:
    found = sealed_visit("api-server", seal_private_keys=PRIVATE).settings
    assert found is not None
    return found


def test_an_active_ring_is_found(by_server: Settings) -> None:
    of = sealed_visit("api-server", seal_private_keys=PRIVATE)

    (finding,) = judged(of, chain(by_server, Ring, Watch))

    assert finding == Finding("ring", "ok", f"the ring is in the chain of this process, with keys {PUBLIC.key_id}")


@pytest.mark.parametrize("classes", [(), (Watch,)])
def test_no_ring_where_one_is_needed_fails(by_server: Settings, classes: tuple[Any, ...]) -> None:
    (finding,) = judged(sealed_visit("api-server", seal_private_keys=PRIVATE), chain(by_server, *classes))

    assert (finding.check, finding.result) == ("ring", "FAIL")
    assert finding.seen == "the ring is not in the chain of this process"
    assert finding.remedy.endswith("Then start the server again.")


def test_a_ring_that_passes_everything_through_is_none(by_server: Settings) -> None:
    worker = visit("api-server").settings

    (finding,) = judged(sealed_visit("api-server", seal_private_keys=PRIVATE), chain(worker, Ring))

    assert finding.result == "FAIL"


def test_a_watch_is_looked_for_where_tasks_pull_directly() -> None:
    of = visit("api-server", direct_pulls="auto", redis_url="redis://localhost:6379/0")
    assert of.settings is not None
    assert of.settings.pulls_directly

    with_watch = list(judged(of, chain(of.settings, Watch)))
    without = list(judged(of, chain(of.settings, Ring)))

    none_needed = Finding("ring", "ok", "none is needed with enforcement = worker")
    assert with_watch == [none_needed, Finding("direct pulls", "ok", "this process watches over XCom rows")]
    assert without[0] == none_needed
    assert (without[1].result, without[1].seen) == ("warning", "this process does not watch over XCom rows")


def test_nothing_is_said_of_a_chain_that_is_not_known() -> None:
    (finding,) = judged(visit("api-server"), None)

    assert finding == Finding("ring", "skipped", "it is not known here what this server's requests pass through")


def test_a_chain_in_a_circle_ends() -> None:
    class Circle:
        @property
        def app(self) -> Circle:
            return self

    class App:
        middleware_stack = Circle()

    assert len(chain_of(App())) == 64
    assert chain_of(None) == []
