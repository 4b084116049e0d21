"""What an attacker can put into an address, a request, an id or a value: nothing runs, and nothing is shown for it."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Dialog

from exclusive_redis_xcom.formats.reference import parse
from tests.acceptance.dags_pages.hostile import MARKUP
from tests.acceptance.pages.conftest import HOSTILE_FILE, HOSTILE_RUN, PREFIX, Site, Window
from tests.acceptance.pages.routes import OVERVIEW, REVEAL, TASK_PAGE, address

PAGE = address(TASK_PAGE)
WRONG = "The address of this page is wrong. Go back to Airflow, and open the page there."
NOTHING = "There is nothing at this address."
OF_HOSTILE = f"/dags/hostile/runs/{quote(HOSTILE_RUN, safe='')}"


@pytest.fixture(scope="module")
def hostile_run(site: Site) -> None:
    """Wait for the run, and give one of its rows a type that nobody could push, as a user of the REST API can."""
    site.airflow.wait_run("hostile", HOSTILE_RUN)
    with contextlib.closing(sqlite3.connect(site.airflow.home / "airflow.db", timeout=30)) as db, db:
        ((row,),) = db.execute("SELECT value FROM xcom WHERE dag_id = 'hostile' AND key = 'typed'").fetchall()
        changed = json.dumps(replace(parse(json.loads(row)), type_name=MARKUP).to_json())
        db.execute("UPDATE xcom SET value = ? WHERE dag_id = 'hostile' AND key = 'typed'", (changed,))


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/dags/~", 422, WRONG),
        ("/dags/~/runs/~", 422, WRONG),
        ("/dags/shop/runs/~/tasks/extract/-1", 422, WRONG),
        ("/dags/%7E/runs/%7e", 422, WRONG),
        ("/dags/..", 404, "Airflow's database has no serialized DAG '..'."),
        ("/dags/../static/pages.css", 404, NOTHING),
        ("/static/../dags/shop", 404, NOTHING),
        ("/static/../../../../../../etc/passwd", 404, NOTHING),
        ("/static/%2e%2e/%2e%2e/pages.css", 404, NOTHING),
        ("/static/..%2fmounted.py", 404, NOTHING),
        ("/dags/%2e%2e", 404, "Airflow's database has no serialized DAG '..'."),
        ("/dags/%252e%252e", 422, WRONG),
        ("/dags/shop%2f", 404, NOTHING),
        ("/dags/shop%2fruns%2f~", 422, WRONG),
        ("/dags/shop%252fruns", 422, WRONG),
        ("/dags/shop;a=b", 422, WRONG),
        ("/dags/shop%3b", 422, WRONG),
        ("/dags/shop%00", 422, WRONG),
        ("/dags/shop%20", 422, WRONG),
        ("/dags/%EF%BC%8E%EF%BC%8E", 422, WRONG),
        ("/dags/%ff", 422, WRONG),
        (f"/dags/{'x' * 251}", 422, WRONG),
        (f"/dags/{'x' * 20000}", 422, WRONG),
        (f"/dags/shop/runs/{'x' * 251}", 422, WRONG),
        ("/dags/shop/runs/a%09b", 422, WRONG),
        ("/dags/shop/runs/a%00b", 422, WRONG),
        ("/dags//runs//tasks//-1", 404, NOTHING),
        ("//evil.example/", 404, NOTHING),
        ("/dags/shop/", 404, NOTHING),
        ("/overview/", 404, NOTHING),
        ("/docs", 404, NOTHING),
        ("/openapi.json", 404, NOTHING),
        (f"{PAGE}?start=-1", 422, WRONG),
        (f"{PAGE}?start=1e9", 422, WRONG),
        (f"{PAGE}?start=99999999999999999999", 422, WRONG),
        ("/dags/shop?since=%00", 422, WRONG),
        (f"/dags/shop?key={'x' * 513}", 422, WRONG),
    ],
)
def test_a_wrong_address_is_a_page_that_quotes_nothing(site: Site, path: str, status: int, text: str) -> None:
    answer = site.get(path)

    assert (answer.status_code, sentences(answer)) == (status, [text])
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-security-policy"].startswith("default-src 'none';")


@pytest.mark.parametrize(
    "map_index", ["-1", "{MAP_INDEX}", "%7BMAP_INDEX%7D", "-2", "1e3", "٣", "0x1", "99999999999", "+1"]
)
def test_a_map_index_is_a_number_or_that_of_a_task_that_is_not_mapped(site: Site, map_index: str) -> None:
    answer = site.get(f"{PAGE.removesuffix('-1')}{quote(map_index, safe='%{}+')}")

    assert answer.status_code == 200
    assert "<h1>XComs of extract</h1>" in answer.text


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", [PAGE, address(REVEAL), address(OVERVIEW)])
def test_another_method_does_nothing(site: Site, method: str, path: str) -> None:
    before = audit_rows(site)

    answer = site.send(method, PREFIX + path, data={"key": "return_value"} if method != "HEAD" else None)

    assert answer.status_code == 405
    assert audit_rows(site) == before


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_a_header_does_not_change_the_method(site: Site, header: str) -> None:
    assert site.send("GET", PREFIX + address(REVEAL), headers={header: "POST"}).status_code == 405
    assert site.send("POST", PREFIX + PAGE, headers={header: "GET"}).status_code == 405
    assert site.send("GET", f"{PREFIX}{PAGE}?_method=POST&key=return_value").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Prefix": "/evil"},
        {"X-Script-Name": "/evil"},
        {"X-Original-URL": "/exclusive-xcom/dags/reports", "X-Rewrite-URL": "/exclusive-xcom/dags/reports"},
        {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "javascript"},
    ],
)
def test_a_header_of_a_proxy_does_not_change_a_page(site: Site, headers: dict[str, str]) -> None:
    answer = site.send("GET", f"{PREFIX}/dags/shop", headers=headers)

    assert answer.status_code == 200
    assert "evil" not in answer.text
    assert "<title>XCom access of shop</title>" in answer.text


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", '{"key": "return_value", "csrf": "TOKEN"}', 422),
        ("multipart/form-data; boundary=b", '--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nx\r\n--b--', 422),
        ("text/plain", "key=return_value&csrf=TOKEN", 422),
        ("", "key=return_value&csrf=TOKEN", 422),
        ("application/x-www-form-urlencoded", "key=return_value&csrf=", 403),
        ("application/x-www-form-urlencoded", "key=return_value", 403),
        ("application/x-www-form-urlencoded", "key=return_value&csrf=TOKEN&csrf=x", 403),
        ("application/x-www-form-urlencoded", "key=%FF&csrf=TOKEN", 422),
        ("application/x-www-form-urlencoded", "&".join(["key=a"] * 11), 422),
        ("application/x-www-form-urlencoded", "csrf=TOKEN", 404),
        ("application/x-www-form-urlencoded", "key=&csrf=TOKEN", 404),
        ("application/x-www-form-urlencoded", "key=%00&csrf=TOKEN", 404),
        ("application/x-www-form-urlencoded", "key=%25&csrf=TOKEN", 404),
        ("application/x-www-form-urlencoded", "key=return_value%27+OR+1%3D1--&csrf=TOKEN", 404),
    ],
)
def test_a_form_that_no_page_sends_reveals_nothing(site: Site, content_type: str, body: str, status: int) -> None:
    before = audit_rows(site)

    answer = post(site, REVEAL_SHOP, body.replace("TOKEN", form_token(site, "admin")), {"content-type": content_type})

    assert answer.status_code == status
    assert "rows" not in answer.text
    assert audit_rows(site) == before


REVEAL_SHOP = PREFIX + address(REVEAL)


def test_a_form_token_is_for_who_airflow_takes_the_user_for(site: Site) -> None:
    """A request with two identities: the cookie of one, and the bearer token of another."""
    of_viewer = {"authorization": f"Bearer {site.token('viewer')}", "content-type": "application/x-www-form-urlencoded"}
    name = site.send("GET", PREFIX + PAGE, "admin", headers=of_viewer)
    token = re.search(r'name="csrf" value="([^"]+)"', name.text)
    assert token is not None

    mixed = post(site, REVEAL_SHOP, f"key=return_value&csrf={token[1]}", of_viewer)
    assert mixed.status_code == 200
    before = audit_rows(site)
    other = {"viewer": "admin", "admin": "viewer"}[before[-1]["owner"]]  # Airflow 3.1 prefers the cookie
    assert post(site, REVEAL_SHOP, f"key=return_value&csrf={form_token(site, other)}", of_viewer).status_code == 403
    assert audit_rows(site) == before


@pytest.mark.parametrize(
    "bearer", ["x", "null", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGUiOiJhZG1pbiJ9."]
)
def test_a_token_that_airflow_did_not_sign_is_nobody(site: Site, bearer: str) -> None:
    answer = site.send("GET", PREFIX + PAGE, None, headers={"authorization": f"Bearer {bearer}"})

    assert answer.status_code in {401, 403}
    assert "extract" not in answer.text
    cookie = site.send("GET", PREFIX + PAGE, None, headers={"cookie": f"_token={bearer}"})
    assert cookie.status_code in {401, 403}


@pytest.mark.usefixtures("hostile_run")
@pytest.mark.parametrize(
    "path",
    [
        "/dags/hostile/plugin/xcom-access",
        f"{OF_HOSTILE}/plugin/xcoms-of-run",
        f"{OF_HOSTILE}/tasks/push/plugin/xcoms",
        f"{OF_HOSTILE}/tasks/use/mapped/1/plugin/xcoms",
        "/plugin/xcom-overview",
    ],
)
def test_markup_in_every_text_stays_text(site: Site, window: Callable[..., Window], path: str) -> None:
    opened = window()
    asked = watch(opened)

    frame = opened.open(path)

    for element in frame.locator("details").all():
        element.evaluate("element => element.open = true")
    assert frame.locator("img").count() == 0
    assert frame.locator("main script").count() == 0
    assert frame.locator("html").evaluate("() => document.title") != "run"
    text = frame.locator("main").inner_text()
    assert str(1234 * 9) not in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert_nothing_ran(opened, asked)


@pytest.mark.usefixtures("hostile_run")
def test_the_texts_are_really_on_the_pages(site: Site) -> None:
    """So the test above can fail."""
    of_dag, of_run = (unescape(site.get(path).text) for path in ("/dags/hostile", OF_HOSTILE))
    of_task = unescape(site.get(f"{OF_HOSTILE}/tasks/push/-1").text)

    assert MARKUP in of_dag
    assert HOSTILE_FILE in of_dag
    assert "img src=x" in of_run
    for text in (f"ruled{MARKUP}", f"frame{MARKUP}", "turned\\u202e", HOSTILE_FILE):
        assert text in of_task
    assert of_task.count(MARKUP) > 8


@pytest.mark.usefixtures("hostile_run")
@pytest.mark.parametrize("key", ["text", "dict", "frame"])
def test_markup_in_a_value_stays_text(site: Site, window: Callable[..., Window], key: str) -> None:
    opened = window()
    asked = watch(opened)
    frame = opened.open(f"{OF_HOSTILE}/tasks/push/plugin/xcoms")
    card = frame.locator("details.xcom").filter(has=opened.page.locator(".key", has_text=re.compile(f"^{key}'")))
    card.evaluate("element => element.open = true")

    card.get_by_role("button").click()
    frame.locator("section.value").wait_for()

    assert MARKUP[:20] in frame.locator("section.value").inner_text()
    assert frame.locator("img").count() == 0
    assert_nothing_ran(opened, asked)


@pytest.mark.usefixtures("hostile_run")
def test_ten_megabytes_are_not_revealed(site: Site) -> None:
    page = site.get(f"{OF_HOSTILE}/tasks/push/-1")
    assert "10" in page.text
    assert len(page.content) < 100_000

    answer = post(site, f"{PREFIX}{OF_HOSTILE}/tasks/push/-1/reveal", f"key=large&csrf={form_token(site, 'admin')}")

    assert answer.status_code in {403, 409}
    assert len(answer.content) < 20_000


def test_a_token_of_forms_is_not_in_an_address_or_a_link(site: Site) -> None:
    token = form_token(site, "admin")
    assert site.get(PAGE).text.count("csrf") == site.get(PAGE).text.count('name="csrf"')
    assert site.send("POST", f"{REVEAL_SHOP}?csrf={token}&key=return_value").status_code == 422


def watch(opened: Window) -> list[str]:
    """Note what the window asks for, and each dialog."""
    asked: list[str] = []

    def dismissed(dialog: Dialog) -> None:
        asked.append(f"dialog {dialog.message}")
        dialog.dismiss()

    opened.page.on("request", lambda request: asked.append(request.url))
    opened.page.on("dialog", dismissed)
    return asked


def assert_nothing_ran(opened: Window, asked: list[str]) -> None:
    """An image or a script that got through asks for `x`, or the policy of the page stops it with an error."""
    assert [each for each in asked if each.startswith("dialog") or each.rpartition("/")[2] == "x"] == []
    assert opened.page.title() not in {"run", "1"}
    assert opened.errors == []


def sentences(answer: httpx.Response) -> list[str]:
    return [unescape(each) for each in re.findall(r"<p>(.*?)</p>", answer.text)]


def post(site: Site, path: str, body: str, headers: dict[str, str] | None = None) -> httpx.Response:
    headers = headers or {"content-type": "application/x-www-form-urlencoded"}
    return site.send("POST", path, content=body.encode(), headers=headers)


def form_token(site: Site, role: str) -> str:
    token = re.search(r'name="csrf" value="([^"]+)"', site.get(PAGE, role).text)
    assert token is not None
    return token[1]


def audit_rows(site: Site) -> list[dict[str, str]]:
    return site.airflow.rows("SELECT event, owner, extra FROM log WHERE event LIKE 'xcom_reveal%' ORDER BY id")
