"""Reveal with `enforcement = server`: the API server opens the seal for a person, after an audit row."""

from __future__ import annotations

import json
import re
import secrets
from html import unescape

import httpx

from devtools.worlds.api_plan import at
from devtools.worlds.api_world import World
from devtools.worlds.sealed import Keys
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.pages.xcoms import reveal as decisions
from exclusive_redis_xcom.pages.xcoms.states import State

VALUE = "canary-sealed"
PAYLOAD = bytes([0xA0 + len(VALUE)]) + VALUE.encode()  # MessagePack


def path(where: Coordinate) -> str:
    return f"/exclusive-xcom/dags/{where.dag_id}/runs/{where.run_id}/tasks/{where.task_id}/{where.map_index}"


def page_of(world: World, where: Coordinate) -> str:
    """Load the page of a task instance that begins with a key. Other tests have pushed hundreds of keys there."""
    with world.database() as database:
        query = (
            "SELECT count(*) FROM xcom WHERE dag_id = ? AND run_id = ? AND task_id = ? AND map_index = ? AND key < ?"
        )
        ids = (where.dag_id, where.run_id, where.task_id, where.map_index, where.key)
        (before,) = database.execute(query, ids).fetchone()
    return world.caller.call("ui", "GET", f"{path(where)}?start={before}").text


def reveal(world: World, where: Coordinate) -> httpx.Response:
    page = page_of(world, opened(world))
    assert VALUE not in page
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    assert token is not None, page
    return world.caller.call("ui", "POST", f"{path(where)}/reveal", data={"key": where.key, "csrf": token[1]})


def sentence(answer: httpx.Response) -> str:
    found = re.search(r'<p class="problem" role="status">(.*?)</p>', answer.text)
    assert found is not None, answer.text
    return unescape(found[1])


def opened(world: World) -> Coordinate:
    """Push a value that may be revealed. Its page has the token of a form."""
    where = at("extract", f"revealed-{secrets.token_hex(4)}")
    world.push(where, ["load"], payload=PAYLOAD)
    return where


def rows(world: World, key: str) -> list[str]:
    with world.database() as database:
        found = database.execute("SELECT event, extra FROM log WHERE event LIKE 'xcom_reveal%' ORDER BY id").fetchall()
    return [event for event, extra in found if json.loads(extra)["key"] == key]


def test_the_server_opens_the_seal_and_the_row_is_there(world: World) -> None:
    where = opened(world)

    answer = reveal(world, where)

    assert answer.status_code == 200
    assert VALUE in answer.text
    assert rows(world, where.key) == ["xcom_revealed"]


def test_a_read_once_value_stays_sealed(world: World) -> None:
    where = at("extract", f"once-{secrets.token_hex(4)}")
    world.push(where, ["load"], payload=PAYLOAD, once=True)

    answer = reveal(world, where)

    assert (answer.status_code, sentence(answer)) == (403, decisions.ONCE.sentence)
    assert rows(world, where.key) == ["xcom_reveal_denied"]


def test_the_page_says_who_has_claimed_a_value_and_when(world: World) -> None:
    where = at("extract", f"claimed-{secrets.token_hex(4)}")
    world.push(where, ["load"], payload=PAYLOAD, once=True)
    assert world.caller.xcom("consumer", "GET", where).status_code == 200

    page = page_of(world, where)

    assert re.search(rf"<dt>Claimed by</dt><dd>load, run {where.run_id}, at \d{{4}}-[-0-9: ]+ UTC</dd>", page), page


def test_a_reference_pasted_from_another_task_stays_sealed(world: World) -> None:
    other = world.push(at("load", f"other-{secrets.token_hex(4)}"), ["report"], payload=PAYLOAD)
    where = at("extract", f"pasted-{secrets.token_hex(4)}")
    world.put_row(where, other.reference.to_json())

    answer = reveal(world, where)

    assert (answer.status_code, sentence(answer)) == (409, State.COPIED.sentence)
    assert rows(world, where.key) == []


def test_a_seal_to_other_keys_stays_closed(world: World) -> None:
    where = at("extract", f"foreign-{secrets.token_hex(4)}")
    world.push(where, ["load"], payload=PAYLOAD, keys=Keys.generate())

    answer = reveal(world, where)

    assert answer.status_code == 409
    assert sentence(answer) == "The value is sealed, and this API server does not hold the private key that opens it."
    assert VALUE not in answer.text
    assert rows(world, where.key) == []


def test_a_task_s_token_opens_no_page(world: World) -> None:
    where = opened(world)

    assert world.caller.call("owner", "GET", path(where)).status_code in (401, 403)
    answer = world.caller.call("owner", "POST", f"{path(where)}/reveal", data={"key": where.key, "csrf": "x"})
    assert answer.status_code in (401, 403)
    assert rows(world, where.key) == []
