"""The pages in Airflow's UI with roles of FAB, behind a proxy with two API servers: who sees what."""

from __future__ import annotations

import json
import re
import secrets

import httpx
import pytest

from devtools.production.stack import API_SERVERS, Production
from tests.acceptance.pages.conftest import PREFIX
from tests.acceptance.pages.routes import DAG_PAGE, OVERVIEW, REVEAL, ROUTES, RUN_PAGE, STATIC, TASK_PAGE, address
from tests.production.conftest import DAGS, Installation

pytestmark = pytest.mark.timeout(300, func_only=True)

RUN = "pages+run:1"
OPEN, CLOSED = "pages_open", "pages_closed"
#: Roles of our own: what they may do, and on what. The DAG file names the second one for `pages_open`.
OWN_ROLES = {
    "pages-no-xcom": [("can_read", "DAGs"), ("can_read", "DAG Runs"), ("can_read", "Task Instances")],
    "pages-one-dag": [("can_read", "XComs"), ("can_read", "DAG Runs"), ("can_read", "Task Instances")],
}
OF_DAG = [DAG_PAGE, RUN_PAGE, TASK_PAGE, REVEAL]
EVERYWHERE = dict.fromkeys(STATIC, 200)
#: Role -> route -> status; first for the DAG `pages_open`, then for `pages_closed`.
READS_BOTH = [{**EVERYWHERE, **dict.fromkeys(OF_DAG, 200), OVERVIEW: 200}] * 2
TABLE = {
    "Viewer": READS_BOTH,
    "Op": READS_BOTH,
    "Admin": READS_BOTH,
    "pages-no-xcom": [{**EVERYWHERE, **dict.fromkeys(OF_DAG, 403), OVERVIEW: 403}] * 2,
    "pages-one-dag": [
        {**EVERYWHERE, **dict.fromkeys(OF_DAG, 200), OVERVIEW: 200},
        {**EVERYWHERE, **dict.fromkeys(OF_DAG, 403), OVERVIEW: 200},
    ],
    "": [{**EVERYWHERE, **dict.fromkeys(OF_DAG, 401), OVERVIEW: 401}] * 2,
}


class Users:
    """A user of each role, and their requests."""

    def __init__(self, airflow: Production) -> None:
        self.airflow = airflow
        self._admin = {"authorization": f"Bearer {self._token('admin', airflow.accounts.secrets.admin)}"}
        self._tokens: dict[str, str] = {}
        for name, permissions in OWN_ROLES.items():
            actions = [{"action": {"name": action}, "resource": {"name": on}} for action, on in permissions]
            self._create("roles", {"name": name, "actions": actions})
        for role in filter(None, TABLE):
            self._tokens[role] = self._user(role)

    def send(self, method: str, path: str, role: str, url: str = "", **options: object) -> httpx.Response:
        """Send a request to the proxy, or to one of the API servers."""
        cookies = {"_token": self._tokens[role]} if role else {}
        address = f"{url or self.airflow.url}{PREFIX}{path}"
        return httpx.request(method, address, cookies=cookies, timeout=60, trust_env=False, **options)  # type: ignore[arg-type]

    def form(self, role: str, dag_id: str = OPEN, url: str = "") -> dict[str, str]:
        """Return the form of a page for the role; who gets no page has that of an administrator."""
        page = self.send("GET", address(TASK_PAGE, dag_id, "push", RUN), role, url).text
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        return {"key": "return_value", "csrf": token[1]} if token else self.form("Admin")

    def _user(self, role: str) -> str:
        name, password = f"of-{role}", secrets.token_hex(12)
        body = {"username": name, "email": f"{name}@example.com", "first_name": "A", "last_name": "B"}
        self._create("users", {**body, "roles": [{"name": role}], "password": password})
        return self._token(name, password)

    def _create(self, kind: str, body: dict[str, object]) -> None:
        url = f"{self.airflow.url}/auth/fab/v1/{kind}"
        httpx.post(url, json=body, headers=self._admin, timeout=60, trust_env=False).raise_for_status()

    def _token(self, name: str, password: str) -> str:
        login = {"username": name, "password": password}
        answer = httpx.post(f"{self.airflow.url}/auth/token", json=login, timeout=60, trust_env=False)
        return str(answer.raise_for_status().json()["access_token"])


@pytest.fixture(scope="module")
def users(installation: Installation) -> Users:
    """Make the roles before the DAG file that names one of them, and run its DAGs."""
    found = Users(installation.airflow)
    installation.add_dags(DAGS / "pages.py")
    for dag_id in (OPEN, CLOSED):
        installation.airflow.trigger(dag_id, run_id=RUN)
    for dag_id in (OPEN, CLOSED):
        assert installation.airflow.wait_run(dag_id, RUN) == "success"
    return found


def test_the_table_has_every_route() -> None:
    assert all(set(expected) == set(ROUTES) for both in TABLE.values() for expected in both)


@pytest.mark.parametrize("role", TABLE, ids=lambda role: role or "nobody")
@pytest.mark.parametrize("dag_id", [OPEN, CLOSED])
def test_a_role_gets_what_fab_gives_it(users: Users, role: str, dag_id: str) -> None:
    got = {}
    for route in ROUTES:
        form = users.form(role, dag_id) if route == REVEAL else None
        answer = users.send(route[0], address(route, dag_id, "push", RUN), role, data=form)
        got[route] = answer.status_code
        assert ("canary-" in answer.text) is (route == REVEAL and answer.is_success)

    assert got == TABLE[role][dag_id == CLOSED]


def test_who_may_see_one_dag_sees_no_name_of_another(users: Users) -> None:
    for route in (DAG_PAGE, TASK_PAGE, OVERVIEW):
        path = address(route, OPEN, "push", RUN)
        assert CLOSED in users.send("GET", path, "Viewer").text
        hidden = users.send("GET", path, "pages-one-dag").text
        assert OPEN in hidden
        assert CLOSED not in hidden
        assert "that you may not see" in hidden


@pytest.mark.parametrize("shown", [CLOSED, OPEN])
def test_a_parameter_does_not_widen_the_overview(users: Users, shown: str) -> None:
    """Airflow's dependency looks for a DAG's id among the parameters, too."""
    assert CLOSED not in users.send("GET", f"/overview?dag_id={shown}", "pages-one-dag").text
    assert users.send("GET", f"/overview?dag_id={shown}", "pages-no-xcom").status_code == 403
    other = address(TASK_PAGE, CLOSED, "push", RUN)
    assert users.send("GET", f"{other}?dag_id={OPEN}", "pages-one-dag").status_code == 403


def test_a_form_of_one_api_server_is_taken_by_the_other(users: Users) -> None:
    first, second = (users.airflow.url_of(name) for name in API_SERVERS)
    path = address(REVEAL, OPEN, "push", RUN)

    for one, other in ((first, second), (second, first)):
        assert "canary-open" in users.send("POST", path, "Viewer", other, data=users.form("Viewer", url=one)).text
        assert users.send("POST", path, "Op", other, data=users.form("Viewer", url=one)).status_code == 403


def test_a_reveal_is_on_record_and_a_rule_forbids_it(users: Users) -> None:
    path = address(REVEAL, OPEN, "push", RUN)
    form = users.form("Viewer")

    assert users.send("POST", path, "Viewer", data=form).status_code == 200
    answer = users.send("POST", path, "Viewer", data={**form, "key": "ruled"})

    assert answer.status_code == 403
    assert "canary" not in answer.text
    query = (
        "SELECT event, owner, extra FROM log WHERE dag_id = ? AND event LIKE 'xcom_reveal%%' ORDER BY id DESC LIMIT 2"
    )
    refused, shown = users.airflow.rows(query, OPEN)
    assert (shown["event"], shown["owner"]) == ("xcom_revealed", "of-Viewer")
    assert (refused["event"], json.loads(refused["extra"])["key"]) == ("xcom_reveal_denied", "ruled")
