"""JSON and YAML of all commands: a task, an XCom and a rule have one shape, as docs/reference/access.md says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from devtools.components import OURS
from devtools.worlds.fresh_process import start_afresh
from exclusive_redis_xcom import cli
from exclusive_redis_xcom.acl import Acl, Rule
from exclusive_redis_xcom.cli.program import COMMANDS
from exclusive_redis_xcom.formats import observed
from exclusive_redis_xcom.formats.observed import Event
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push
from tests.integration.support import PREFIX, Start, open_store, value

RULES = {"extract": {"token": {"consumers": ["load", "bi/*"], "once": True}, "*": "downstream"}}
SOURCE = """
from airflow.sdk import DAG, task

with DAG("sales", schedule=None, params={{"xcom_acl": {rules!r}}}):
    @task
    def extract(ti) -> int: ti.xcom_push("token", 1)
    @task
    def load(ti): return ti.xcom_pull(task_ids="extract", key="token")
    @task
    def audit(value): return value
    audit(extract()) >> load()
"""
XCOM, TASK = "sales/extract:token", "sales/load"

#: Every command that writes JSON or YAML, with arguments that make it name tasks, XComs and rules.
ASKED = {
    "can-pull": (TASK, XCOM),
    "who-can": (XCOM,),
    "what-can": (TASK,),
    "explain": (XCOM, TASK),
    "access": (),
    "diff": ("OLD",),
    "ls": (),
    "show": (XCOM,),
    "du": ("--by", "key"),
    "suggest": (),
    "unused": ("--all",),
    "denials": (),
}
#: These write other documents: findings, checks, and the lines of a snapshot.
OF_THEIR_OWN = {"lint", "rule", "snapshot", "doctor"}
WITHOUT_DOCUMENT = {"keygen", "redis-users", "gc"}
OF_REDIS = {"ls", "show", "du", "denials"}
WITHOUT_YAML = {"diff"}

IDS = {"dag_id", "task_id"}
RULE = {"source", "place", "consumers", "ttl_seconds", "same_run", "once"}
#: What each field holds, in every document.
SHAPES = {
    "task": [IDS],
    "consumer": [IDS],
    "reader": [IDS],
    "xcom": [{*IDS, "key"}, {*IDS, "key", "run_id"}],
    "rule": [RULE, {"source", "place"}],
    "rules": [RULE | {"decides"}],
    "in_force": [RULE],
}
#: Fields for what people read, and what `xcom_acl` itself holds.
TEXTS = {"reason", "remedy", "text", "source", "why", "conditions", "remarks", "consumers", "xcom_acl"}
#: Lists of tasks.
TASKS = {"without", "may_push_more"}
#: Names of files and folders.
NAMED = {"old", "new", "file", "place"}
NAME = re.compile(r"[\w.*-]+/[\w.*-]+(:.+)?")


@pytest.fixture
def redis_url(start_redis: Start) -> str:
    """A Redis with an XCom, and with a record of its reads and refusals."""
    url = start_redis().url
    with open_store(url) as store:
        at = Coordinate("sales", "r1", "extract", "token")
        source = "xcom_acl['extract']['token'] at sales.py:4"
        acl = Acl("sales", (Rule("extract", "token", ("load",), source, exact=True),), "nobody").dumps()
        store.push(Push(value(at), acl=acl, ttl=timedelta(hours=5)))
        event = Event("sales", "extract", "token", ("sales", "load"), observed.READ)
        other = ("bi", "daily")
        store.count([event, event._replace(reader=other), event._replace(kind=observed.RULE, reader=other)])
        store.count([event._replace(reader=("sales", "gone"))])
    return url


@pytest.fixture
def asked(redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setenv(f"{OURS}REDIS_URL", redis_url)
    monkeypatch.setenv(f"{OURS}KEY_PREFIX", PREFIX)
    for name, rules in (("OLD", {"extract": {"token": "nobody"}}), ("dags", RULES)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sales.py").write_text(SOURCE.format(rules=rules))
    monkeypatch.chdir(tmp_path)
    start_afresh()
    yield tmp_path
    start_afresh()


def test_every_command_is_asked() -> None:
    assert {*ASKED} | OF_THEIR_OWN | WITHOUT_DOCUMENT == {*COMMANDS}


@pytest.mark.usefixtures("warm_parsing")
@pytest.mark.parametrize("form", ["json", "yaml"])
@pytest.mark.parametrize("command", ASKED)
def test_tasks_xcoms_and_rules_have_one_shape(
    command: str, form: str, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if form == "yaml" and command in WITHOUT_YAML:
        assert "yaml" not in help_of(command, capsys)
        return
    where = () if command in OF_REDIS else ("--dags", "dags")
    capsys.readouterr()
    cli.main([command, *ASKED[command], *where, "-o", form])
    out = capsys.readouterr().out

    document = json.loads(out) if form == "json" else yaml.safe_load(out)

    assert document["schema"] == 1
    assert list(wrong(document)) == []
    assert ("rule" if command == "unused" else "xcom") in set(names(document))


@pytest.mark.parametrize("command", sorted(WITHOUT_DOCUMENT))
def test_the_others_have_no_form(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "json" not in help_of(command, capsys).lower()


def help_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    return capsys.readouterr().out


def wrong(found: Any, field: str = "") -> Iterator[str]:
    """Yield what is in another shape."""
    if field in TEXTS:
        return
    if isinstance(found, dict) and not _is_shaped({*found}, field):
        yield f"{field}: {sorted(found)}"
    if isinstance(found, str) and (field in SHAPES or (field not in NAMED and NAME.fullmatch(found))):
        yield f"{field}: {found}"
    parts = found.items() if isinstance(found, dict) else [(field, each) for each in _items(found)]
    for name, each in parts:
        yield from wrong(each, name)


def _items(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _is_shaped(parts: set[str], field: str) -> bool:
    if field in SHAPES:
        return parts in SHAPES[field]
    return "key" not in parts and (not parts >= IDS or field in TASKS)


def names(found: Any) -> Iterator[str]:
    for each in found.values() if isinstance(found, dict) else found:
        if isinstance(each, (dict, list)):
            yield from names(each)
    if isinstance(found, dict):
        yield from found
