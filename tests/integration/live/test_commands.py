"""`ls`, `show` and `du` on a real Redis."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.acl import Acl, Rule
from exclusive_redis_xcom.cli.program import main
from exclusive_redis_xcom.formats import description
from exclusive_redis_xcom.model import Coordinate, Description
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.store import Push
from tests.integration.support import API_PASSWORD, API_USER, Start, open_store, value

Run = Callable[..., tuple[int, str, str]]

DAY = timedelta(days=1)
FRAME = Description("pandas.core.frame.DataFrame", (1000, 3), (("name", "str"), ("age\x1b[2J", "int64")), more=1)


def rule(at: Coordinate, *consumers: str, once: bool = False) -> bytes:
    source = f"xcom_acl['{at.task_id}']['{at.key}'] at sales.py:4"
    return Acl(at.dag_id, (Rule(at.task_id, at.key, consumers, source, once=once, exact=True),), "nobody").dumps()


@pytest.fixture
def server(start_redis: Start, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
    """A Redis with the XComs of two DAGs."""
    started = start_redis()
    with open_store(started.url, prefix="exclusive_redis_xcom") as store:
        token = Coordinate("sales", "r1", "extract", "token")
        pushed = value(token, size=2000)
        store.push(Push(pushed, acl=rule(token, "load", once=True), ttl=2 * DAY, once=True))
        store.claim([(token, pushed.version)], '["sales","load","r1",-1]')
        for index in range(3):
            at = Coordinate("sales", "r1", "each", "return_value", index)
            pushed, of_all = value(at), rule(at, "*")
            told = description.dumps(Description("list", (index,), items="int"), pushed.version)
            store.push(Push(pushed, acl=of_all, ttl=timedelta(hours=5), own_acl=of_all, description=told))
        frame = Coordinate("stock", "r2", "count", "frame")
        spilled = value(frame, size=10_000).spilled_to("x")
        told = description.dumps(FRAME, spilled.version)
        store.push(Push(spilled, acl=rule(frame), ttl=timedelta(minutes=90), description=told))
    monkeypatch.setenv("AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL", started.url)
    load_settings.cache_clear()
    return started


@pytest.fixture
def run(server: RedisServer, capsys: pytest.CaptureFixture[str]) -> Run:
    def ran(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(arguments)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return ran


def document(run: Run, *arguments: str) -> dict[str, Any]:
    status, out, _ = run(*arguments, "-o", "json")
    found: dict[str, Any] = json.loads(out)
    assert status == 0
    assert found["schema"] == 1
    return found


def test_ls_lists_names_sizes_and_readers(run: Run) -> None:
    status, out, err = run("ls")

    assert (status, err) == (0, "")
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "XCOM RUN VALUES TYPE SHAPE CODEC IN REDIS ELSEWHERE KEPT FOR READERS",
        "sales/each:return_value r1 3 mapped list different msgpack 661 B 4 h 59 min tasks of DAG 'sales'",
        "sales/extract:token r1 1 msgpack 2.1 KiB 1 d 23 h 'load'",
        "stock/count:frame r2 1 pandas.DataFrame 1000 x 3 msgpack 273 B 9.8 KiB 1 h 29 min the producer itself",
    ]


def test_ls_of_one_task_or_run_and_of_nothing(run: Run) -> None:
    assert [each["xcom"]["task_id"] for each in document(run, "ls", "sales")["xcoms"]] == ["each", "extract"]
    assert [each["xcom"]["task_id"] for each in document(run, "ls", "sales/extract")["xcoms"]] == ["extract"]
    assert [each["xcom"]["task_id"] for each in document(run, "ls", "--run", "r2")["xcoms"]] == ["count"]
    status, _, err = run("ls", "nothing", "--run", "r9")
    assert (status, err) == (
        1,
        "Redis holds no XCom of 'nothing' in run 'r9'. It has expired, was never pushed there, or the name is wrong.\n",
    )


@pytest.mark.parametrize("command", ["ls", "du"])
@pytest.mark.parametrize("name", ["sales/extract:token", "sales:token", "sales/a/b"])
def test_a_name_of_neither_dag_nor_task_is_told(run: Run, command: str, name: str) -> None:
    assert run(command, name) == (
        2,
        "",
        f"'{name}' names no DAG and no task.\nWrite DAG or DAG/TASK. `show` takes DAG/TASK:KEY.\n",
    )


def test_ls_says_what_it_leaves_out(run: Run) -> None:
    status, out, err = run("ls", "--limit", "1", "-o", "plain")

    assert status == 0
    assert out.startswith("sales/each:return_value\tr1\t3 mapped\t")
    assert err == "2 more are not listed. Name a DAG, or a higher --limit.\n"


def test_show_tells_all_but_the_value(run: Run) -> None:
    (found,) = document(run, "show", "sales/extract:token")["xcoms"]

    assert found["xcom"] == {"dag_id": "sales", "task_id": "extract", "key": "token", "run_id": "r1"}
    assert found["rule"] == {
        "source": "xcom_acl['extract']['token'] at sales.py:4",
        "place": "sales.py:4",
        "consumers": ["load"],
        "ttl_seconds": None,
        "same_run": False,
        "once": True,
    }
    assert found["claimed"] == 1
    (held,) = found["held"]
    assert (held["decoded_size"], held["place"], held["encrypted"], held["claimed"]) == (2000, "Redis", False, True)
    _, _, err = run("show", "sales/extract:token")
    assert err == "Run r1: readers are 'load', by xcom_acl['extract']['token'] at sales.py:4.\n"
    status, _, err = run("show", "sales/extract:other")
    assert (status, err.partition(".")[0]) == (1, "Redis holds no XCom of 'sales/extract:other'")


def test_a_rule_that_somebody_wrote_to_redis_begins_no_line(run: Run, server: RedisServer) -> None:
    at = Coordinate("sales", "r1", "extract", "token")
    written = Rule(at.task_id, at.key, ("*",), "a rule", exact=True)
    with redis.Redis.from_url(server.url) as client:
        (name,) = client.keys("*extract*")
        client.hset(name, "acl", Acl("sales\nRun r1: readers are 'x'.\x1b[2J", (written,), "nobody").dumps())

    _, _, err = run("show", "sales/extract:token")

    assert err.count("\n") == 1
    assert err.startswith("Run r1: readers are tasks of DAG 'sales\\nRun r1")


def test_type_shape_and_names_are_told(run: Run) -> None:
    (found,) = document(run, "show", "stock/count:frame")["xcoms"]

    described = {
        "type": "pandas.core.frame.DataFrame",
        "shape": [1000, 3],
        "columns": [{"name": "name", "dtype": "str"}, {"name": "age?[2J", "dtype": "int64"}],
        "keys": None,
        "more": 1,
        "items": None,
    }
    assert described.items() <= found.items()
    assert described.items() <= found["held"][0].items()
    _, out, err = run("show", "stock/count:frame")
    assert "pandas.DataFrame  1000 x 3" in out.splitlines()[1]
    assert err.splitlines() == [
        "Run r2: readers are the producer itself, by xcom_acl['count']['frame'] at sales.py:4.",
        "Run r2: columns are 'name' str, 'age?[2J' int64 and 1 more.",
    ]


def test_nothing_is_told_where_nothing_is_known_or_values_differ(run: Run) -> None:
    nothing = {"type": None, "shape": None, "columns": None, "keys": None, "more": 0, "items": None}
    (token,) = document(run, "show", "sales/extract:token")["xcoms"]
    (each,) = document(run, "show", "sales/each:return_value")["xcoms"]

    assert nothing.items() <= token.items()
    assert nothing.items() <= each.items()
    assert [(held["type"], held["shape"], held["items"]) for held in each["held"]] == [
        ("list", [index], "int") for index in range(3)
    ]


def test_the_codec_tells_of_texts_and_bytes(server: RedisServer, run: Run) -> None:
    with open_store(server.url, prefix="exclusive_redis_xcom") as store:
        for codec in ("str", "bytes"):
            at = Coordinate("plain", "r1", "extract", codec)
            store.push(Push(replace(value(at, size=7), codec=codec), acl=rule(at), ttl=DAY))

    _, out, _ = run("ls", "plain", "-o", "plain")

    assert [line.split("\t")[3:6] for line in out.splitlines()] == [["bytes", "7", "bytes"], ["str", "", "str"]]


def test_du_sums_by_dag_and_says_what_expires(run: Run) -> None:
    found = document(run, "du")

    assert [row["dag_id"] for row in found["rows"]] == ["stock", "sales"]
    assert found["rows"][0]["bytes_elsewhere"] == 10_000
    assert (found["total"]["xcoms"], found["total"]["values"]) == (3, 5)
    by_key = {row["xcom"]["key"]: row for row in document(run, "du", "--by", "key")["rows"]}
    assert by_key["token"]["expiring"] == 0
    assert document(run, "du", "--by", "task")["rows"][0]["task"] == {"dag_id": "stock", "task_id": "count"}
    assert [(row["dag_id"], row["run_id"]) for row in document(run, "du", "--by", "run")["rows"]] == [
        ("stock", "r2"),
        ("sales", "r1"),
    ]
    assert by_key["return_value"]["expiring"] == by_key["return_value"]["bytes_in_redis"] > 0


def test_a_user_without_the_rights_is_told_which_variable_helps(
    start_redis: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.integration.support import restricted_users

    started = start_redis(config=restricted_users())
    monkeypatch.setenv(
        "AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL",
        started.url.replace("redis://", f"redis://{API_USER}:{API_PASSWORD}@"),
    )
    load_settings.cache_clear()

    assert main(["ls"]) == 2

    first, cause, remedy = capsys.readouterr().err.splitlines()
    assert first == "Listing failed: the Redis user may not do this (NOPERM)."
    assert cause.startswith(f"Listing XComs: Redis (127.0.0.1:{started.port}) was tried once in ")
    assert remedy == (
        "The Redis user needs the rights scan, hkeys, hstrlen, hget, pttl and eval, which workers' users do not have. "
        "`show --value` needs hmget, too. The settings say which Redis it is. The variable "
        "EXCLUSIVE_XCOM_REDIS_URL names another URL, for a user with "
        "other rights."
    )


def test_the_rights_of_the_docs_suffice_and_each_is_needed(
    server: RedisServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/live-xcoms.md").read_text()
    (line,) = re.findall(r"^user (exclusive_redis_xcom_operator .*)$", page, re.MULTILINE)
    name, *rights = line.replace("change-me", "canary-0perator").split()
    url = server.url.replace("redis://", f"redis://{name}:canary-0perator@")
    monkeypatch.setenv("EXCLUSIVE_XCOM_REDIS_URL", url)
    with redis.Redis(port=server.port) as admin:
        admin.execute_command("ACL", "SETUSER", name, *rights)

        assert (run("ls")[0], run("denials")[0]) == (0, 0)

        for right in rights:
            if right.startswith("+") and right not in ("+ping", "+select", "+cluster|slots", "+evalsha", "+hmget"):
                admin.execute_command("ACL", "SETUSER", name, f"-{right[1:]}")
                assert 2 in (run("ls")[0], run("denials")[0]), right
                admin.execute_command("ACL", "SETUSER", name, right)
        assert (run("ls")[0], run("denials")[0]) == (0, 0)
