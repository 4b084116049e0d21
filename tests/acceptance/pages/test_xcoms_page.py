"""The page of a task instance's XComs, and Reveal, in a real Airflow and a real browser."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from exclusive_redis_xcom.pages.xcoms import reveal as decisions
from exclusive_redis_xcom.pages.xcoms.revealing import NOT_AUDITED
from exclusive_redis_xcom.pages.xcoms.states import State
from tests.acceptance.pages.conftest import PREFIX, RUN, Site, Window

OF_RUN = f"/dags/values/runs/{quote(RUN, safe='')}"
PAGE = f"{OF_RUN}/tasks/push/-1"
CANARY = "<script>document.title = 'run'</script>"


@pytest.fixture(scope="module", autouse=True)
def values(site: Site) -> None:
    """Run the DAG, and change two of its rows as an intruder or a REST user does."""
    for dag_id in ("values", "many"):
        site.airflow.trigger(dag_id, run_id=RUN)
    for dag_id in ("values", "many"):
        site.airflow.wait_run(dag_id, RUN)
    with database(site) as db:
        forged = json.dumps({"exclusive_redis_xcom": {"v": 2, "canary": "of a forged row"}})
        db.execute("UPDATE xcom SET value = ? WHERE dag_id = 'values' AND key = 'forged'", (forged,))
        db.execute(
            "UPDATE xcom SET value = (SELECT value FROM xcom WHERE dag_id = 'shop' AND key = 'orders') "
            "WHERE dag_id = 'values' AND key = 'pasted'"
        )
        db.execute("UPDATE xcom SET value = ? WHERE dag_id = 'values' AND key = 'bytes'", (json.dumps("of another"),))


@contextlib.contextmanager
def database(site: Site) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(site.airflow.home / "airflow.db", timeout=30)) as db, db:
        yield db


@contextlib.contextmanager
def no_audit_log(site: Site) -> Iterator[None]:
    """Make the audit log unwritable while the context lasts."""
    with database(site) as db:
        db.execute("CREATE TRIGGER no_audit BEFORE INSERT ON log BEGIN SELECT RAISE(ABORT, 'canary'); END")
    try:
        yield
    finally:
        with database(site) as db:
            db.execute("DROP TRIGGER no_audit")


def token(site: Site, role: str) -> str:
    """Return the token of the forms that a page gives to a user."""
    found = re.search(r'name="csrf" value="([^"]+)"', site.get(PAGE, role).text)
    assert found is not None
    return found[1]


def reveal(
    site: Site, key: str, role: str | None = "admin", csrf: str | None = None, page: str = PAGE
) -> httpx.Response:
    fields = {"key": key, "csrf": token(site, role or "admin") if csrf is None else csrf}
    return site.send("POST", f"{PREFIX}{page}/reveal", role, data=fields)


def audit_rows(site: Site) -> list[dict[str, str]]:
    query = "SELECT event, owner, dag_id, task_id, run_id, map_index, extra FROM log WHERE event LIKE 'xcom_reveal%'"
    return site.airflow.rows(f"{query} ORDER BY id")


def sentence(answer: httpx.Response) -> str:
    found = re.search(r'<p class="problem" role="status">(.*?)</p>', answer.text)
    assert found is not None, answer.text
    return unescape(found[1])


def test_a_click_reveals_a_value_that_is_on_record_and_a_reload_does_not(
    site: Site, window: Callable[..., Window]
) -> None:
    opened = window()
    frame = opened.open(f"/dags/values/runs/{RUN}/tasks/push/plugin/xcoms")
    assert "canary" not in frame.locator("main").inner_text()
    before = len(audit_rows(site))

    frame.locator("summary", has=opened.page.locator(".key", has_text=re.compile("^text$"))).press("Enter")
    frame.get_by_role("button", name="Reveal the value of text").press("Enter")
    frame.locator("section.value").wait_for()

    assert CANARY in frame.locator("section.value pre").inner_text()
    (row,) = audit_rows(site)[before:]
    assert (row["event"], row["owner"], row["dag_id"], row["task_id"]) == ("xcom_revealed", "admin", "values", "push")
    assert json.loads(row["extra"])["key"] == "text"
    opened.page.reload()
    frame.locator("main").wait_for()
    assert frame.locator("section.value").count() == 0
    assert len(audit_rows(site)) == before + 1
    assert opened.page.title() != "run"
    assert opened.errors == []


def test_a_table_shows_its_first_fifty_rows(site: Site) -> None:
    answer = reveal(site, "frame", "viewer")

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.count("&lt;b&gt;c&lt;/b&gt;") == 50
    assert "<b>c</b>" not in answer.text
    assert audit_rows(site)[-1]["owner"] == "viewer"


def test_what_cannot_be_put_on_record_is_not_shown(site: Site) -> None:
    csrf = token(site, "admin")
    with no_audit_log(site):
        answer = reveal(site, "text", csrf=csrf)

    assert answer.status_code == 503
    assert sentence(answer) == NOT_AUDITED
    assert "first line" not in answer.text


def test_a_form_needs_a_token_of_its_own_user(site: Site) -> None:
    before = audit_rows(site)

    answer = reveal(site, "text", csrf="")
    assert answer.status_code == 403
    assert "This form is too old, or was not made for you. Load the page again." in answer.text
    assert reveal(site, "text", csrf=token(site, "viewer")).status_code == 403
    assert reveal(site, "text", None).status_code == 401
    assert site.get(f"{PAGE}/reveal").status_code == 405
    assert site.send("POST", f"{PREFIX}{PAGE}/reveal", data={"key": "x" * 9000}).status_code == 413
    assert site.send("POST", f"{PREFIX}{PAGE}/reveal", json={}).status_code == 422
    assert audit_rows(site) == before


@pytest.mark.parametrize(
    ("key", "status", "text"),
    [
        ("secret", 403, decisions.RESTRICTED.sentence),
        ("ticket", 403, decisions.ONCE.sentence),
        ("short", 409, State.EXPIRED.sentence),
        ("large", 409, decisions.TOO_LARGE.sentence),
        ("forged", 409, State.MALFORMED.sentence),
        ("pasted", 409, State.COPIED.sentence),
        ("bytes", 409, State.FOREIGN.sentence),
        ("nothing", 404, "Airflow has no such XCom any more. The task was cleared, or is running again."),
    ],
)
def test_what_may_not_be_revealed_has_its_sentence(site: Site, key: str, status: int, text: str) -> None:
    answer = reveal(site, key)

    assert (answer.status_code, sentence(answer)) == (status, text)
    assert "canary" not in answer.text
    assert "pandas" not in answer.text
    last = audit_rows(site)[-1]
    assert (last["event"] == "xcom_reveal_denied" and json.loads(last["extra"])["key"] == key) is (status == 403)


def test_the_page_has_a_button_for_open_values_alone(site: Site) -> None:
    text = site.get(PAGE).text
    keys = [unescape(key) for key in re.findall(r'name="key" value="([^"]*)"', text)]

    assert [key[:12] for key in keys] == ["array", "frame", "k" * 12, "return_value", "text"]
    assert "canary" not in text
    assert "use, run " in text  # who has claimed `ticket`
    assert "spy, at" in text  # who was refused `secret`


def test_a_hostile_key_is_revealed_as_any_other(site: Site) -> None:
    key = next(key for key in re.findall(r'name="key" value="([^"]*)"', site.get(PAGE).text) if key.startswith("kk"))

    answer = reveal(site, unescape(key))

    assert answer.status_code == 200
    assert "<b>" not in answer.text
    assert "\u202e" not in answer.text


def test_names_of_other_dags_are_shown_to_who_may_read_them(site: Site) -> None:
    assert "use, reports/monthly, other_*/x, */anyone" in site.get(PAGE).text


def test_a_mapped_instance_has_a_page_and_the_task_s_own_points_to_them(site: Site) -> None:
    of_shop = f"/dags/shop/runs/{quote(RUN, safe='')}/tasks/each"

    assert "<h1>XComs of each[1]</h1>" in site.get(f"{of_shop}/1").text
    assert "This task is mapped." in site.get(f"{of_shop}/{quote('{MAP_INDEX}')}").text
    assert reveal(site, "return_value", page=f"{of_shop}/1").text.count("number") > 1


def test_a_run_is_listed_a_page_at_a_time_and_can_be_filtered(site: Site) -> None:
    of_many = f"/dags/many/runs/{quote(RUN, safe='')}"

    assert "<span>1 to 100 of 120</span>" in site.get(of_many).text
    assert site.get(f"{of_many}?start=100").text.count('<td class="id"><a') == 20
    assert site.get(f"{of_many}?key=k01").text.count('<td class="id"><a') == 10
    assert "No XCom of this run matches." in site.get(f"{of_many}?task=%25").text


@pytest.mark.parametrize(("theme", "width"), [("light", 800), ("dark", 1280)])
def test_a_page_fits_into_its_frame(window: Callable[..., Window], theme: str, width: int) -> None:
    opened = window(theme=theme, width=width)
    for path in (f"/dags/values/runs/{RUN}/tasks/push/plugin/xcoms", f"/dags/values/runs/{RUN}/plugin/xcoms-of-run"):
        frame = opened.open(path)
        expect(frame.locator("html")).to_have_attribute("data-theme", theme)
        assert frame.locator("main").evaluate("main => main.scrollWidth <= main.clientWidth")
    assert opened.errors == []
