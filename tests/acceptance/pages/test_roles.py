"""Who may load which page: each route for each role, against what Airflow's own permissions say."""

from __future__ import annotations

import inspect
import re

import pytest
from fastapi.routing import APIRoute

from exclusive_redis_xcom.pages.application import fastapi_app
from tests.acceptance.pages.conftest import NOBODY, PREFIX, ROLES, Site
from tests.acceptance.pages.routes import DAG_PAGE, OVERVIEW, REVEAL, ROUTES, RUN_PAGE, STATIC, TASK_PAGE, address

#: Each role of the simple auth manager may read XComs of all DAGs.
READERS = dict.fromkeys([None, NOBODY, *ROLES], 200) | {None: 401, NOBODY: 403}
EVERYBODY = dict.fromkeys(READERS, 200)

TABLE = {
    **dict.fromkeys(STATIC, EVERYBODY),
    DAG_PAGE: READERS,
    RUN_PAGE: READERS,
    TASK_PAGE: READERS,
    REVEAL: READERS,
    OVERVIEW: READERS,
}
CASES = [(route, role, status) for route, expected in TABLE.items() for role, status in expected.items()]


def app_routes() -> list[APIRoute]:
    found = fastapi_app().routes
    assert {type(each) for each in found} == {APIRoute}
    return [each for each in found if isinstance(each, APIRoute)]


def test_the_table_has_every_route() -> None:
    assert {(method, route.path) for route in app_routes() for method in route.methods} == set(TABLE)
    assert set(ROUTES) == set(TABLE)


def test_no_route_runs_in_the_event_loop() -> None:
    made = [(route.path, inspect.unwrap(route.endpoint)) for route in app_routes()]
    assert [path for path, function in made if inspect.iscoroutinefunction(function)] == []


@pytest.mark.parametrize(("route", "role", "status"), CASES, ids=lambda value: str(value).rpartition("/")[2])
def test_a_role_gets_what_airflow_gives_it(site: Site, route: tuple[str, str], role: str | None, status: int) -> None:
    form = {"key": "return_value", "csrf": form_token(site, role)} if route == REVEAL else None

    answer = site.send(route[0], PREFIX + address(route), role, data=form)

    assert answer.status_code == status
    if status != 200:
        assert "shop" not in answer.text
        assert "extract" not in answer.text


def form_token(site: Site, role: str | None) -> str:
    """Return the user's own token of forms; who gets no page has that of an administrator."""
    page = site.get(address(TASK_PAGE), role if role in ROLES else "admin")
    token = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert token is not None
    return token[1]
