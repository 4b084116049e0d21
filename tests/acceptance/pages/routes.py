"""All routes of the pages, with an address of each. `test_roles.py` proves that no other exists."""

from __future__ import annotations

from urllib.parse import quote

from tests.acceptance.pages.conftest import RUN

_OF_RUN = "/dags/{dag_id}/runs/{run_id}"
_OF_TASK = _OF_RUN + "/tasks/{task_id}/{map_index}"

DAG_PAGE = ("GET", "/dags/{dag_id}")
RUN_PAGE = ("GET", _OF_RUN)
TASK_PAGE = ("GET", _OF_TASK)
REVEAL = ("POST", f"{_OF_TASK}/reveal")
OVERVIEW = ("GET", "/overview")
STATIC = [("GET", "/static/pages.css"), ("GET", "/static/pages.js")]

ROUTES = [*STATIC, DAG_PAGE, RUN_PAGE, TASK_PAGE, REVEAL, OVERVIEW]


def address(route: tuple[str, str], dag_id: str = "shop", task_id: str = "extract", run_id: str = RUN) -> str:
    """Return the address of a route's page for a task instance that is not mapped."""
    return route[1].format(dag_id=dag_id, run_id=quote(run_id, safe=""), task_id=task_id, map_index=-1)
