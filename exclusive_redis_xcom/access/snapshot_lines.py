"""A snapshot as lines of text, one for each grant, in an order that depends on nothing but the grants.

The forms of lines:

- `sales/load`: there is this task. A pattern such as `sales/*` means the tasks that have such a line.
- `sales/extract >> sales/load`: `load` comes directly after `extract`. Only DAGs with the rule `downstream` have these.
- `sales/extract:token <- sales/load once ttl=3600s`: `load` may read `token` of `extract`, under these conditions.
  `unrestricted` means that no rule is about it: logs and rendered fields may show its value.
  `<- downstream` means all tasks after the producer, by the lines with `>>`. `<- nobody` means the producer alone.

A name with characters that could be misread is written as a JSON string.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.access.effective_rule import EffectiveRule
from exclusive_redis_xcom.access.snapshot import Snapshot
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.acl.rule import DOWNSTREAM, NOBODY
from exclusive_redis_xcom.declaration.graph import EdgeGraph

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How the first line begins, for every version.
BEGINNING: Final = "# exclusive-xcom snapshot "
FIRST_LINE: Final = f"{BEGINNING}1 (made by a command: do not edit)"
_VERSION = re.compile(re.escape(BEGINNING) + r"(\d+)\b")

_PLAIN = re.compile(r"[\w.*-]+")
_NAME = r'(?:"(?:[^"\\]|\\.)*"|[^\s":/]+)'
_LINE = re.compile(
    rf"(?P<dag>{_NAME})/(?P<task>{_NAME})"
    rf"(?: >> (?P<after>{_NAME}/{_NAME})|:(?P<key>{_NAME}) <- (?P<reader>{DOWNSTREAM}|{NOBODY}|{_NAME}/{_NAME})"
    r"(?P<maybe> maybe)?(?P<unrestricted> unrestricted)?(?P<once> once)?(?P<same_run> same_run)?"
    r"(?: ttl=(?P<ttl>\d{1,15}m?s))?)?"
)
_TASK = re.compile(rf"({_NAME})/({_NAME})")
_MILLISECOND = timedelta(milliseconds=1)


def dumps(snapshot: Snapshot) -> str:
    """Write a snapshot. Equal grants give equal text."""
    return "".join(f"{line}\n" for line in (FIRST_LINE, *lines(snapshot)))


def lines(snapshot: Snapshot) -> Iterator[str]:
    """Yield the lines after the first one."""
    for dag_id, of_dag in sorted(snapshot.rules.items()):
        edges = snapshot.edges.get(dag_id, {})
        for task_id, of_task in sorted(of_dag.items()):
            task = _name(f"{dag_id}/{task_id}")
            yield task
            for after in sorted(edges.get(task_id, ())):
                yield f"{task} >> {_name(f'{dag_id}/{after}')}"
            for key, rule in sorted(of_task.items()):
                yield from _grants(f"{task}:{_token(key)}", rule)


def is_snapshot(text: str) -> bool:
    """Tell whether a text is a snapshot, of any version."""
    return text.startswith(BEGINNING)


def loads(text: str, file: str) -> Snapshot:
    """Read a snapshot.

    Args:
        text: What `dumps` wrote.
        file: Where it stands, for the error.

    Raises:
        UndecidedError: It is of another version, or a line is none that `dumps` writes.
    """
    first, *rest = text.split("\n")
    version = _VERSION.match(first)
    if version is None or version[1] != "1":
        raise UndecidedError(f"'{file}' is no snapshot of version 1.\nWrite it again with `exclusive-xcom snapshot`.")
    reader = _Reader()
    for number, line in enumerate(rest, start=2):
        if line and not reader.take(line.rstrip("\r")):
            raise UndecidedError(
                f"Line {number} of the snapshot '{file}' cannot be read.\n"
                "Write the snapshot again with `exclusive-xcom snapshot`."
            )
    return reader.snapshot()


def _grants(xcom: str, rule: EffectiveRule) -> Iterator[str]:
    conditions = "".join(_conditions(rule))
    if rule.is_downstream:
        yield f"{xcom} <- {DOWNSTREAM}{conditions}"
        return
    if not rule.names:
        yield f"{xcom} <- {NOBODY}{conditions}"
    for name in sorted(rule.names):
        yield f"{xcom} <- {_name(name)}{'' if name in rule.sure else ' maybe'}{conditions}"


def _conditions(rule: EffectiveRule) -> Iterator[str]:
    if not rule.restricted:
        yield " unrestricted"
    if rule.once:
        yield " once"
    if rule.same_run:
        yield " same_run"
    if rule.ttl is not None:
        ms = rule.ttl // _MILLISECOND
        yield f" ttl={ms}ms" if ms % 1000 else f" ttl={ms // 1000}s"


def _name(task: str) -> str:
    dag_id, _, task_id = task.partition("/")
    return f"{_token(dag_id)}/{_token(task_id)}"


def _token(text: str) -> str:
    return text if _PLAIN.fullmatch(text) and text.isascii() else json.dumps(text)


def _text(token: str) -> str:
    if not token.startswith('"'):
        return token
    read = json.loads(token)
    return read if isinstance(read, str) else ""


def _task(token: str) -> str:
    found = _TASK.fullmatch(token)
    return "" if found is None else f"{_text(found[1])}/{_text(found[2])}"


def _duration(text: str) -> timedelta:
    return timedelta(milliseconds=int(text[:-2])) if text.endswith("ms") else timedelta(seconds=int(text[:-1]))


class _Reader:
    """Collects what lines say."""

    def __init__(self) -> None:
        self._tasks: dict[str, dict[str, dict[str, list[Any]]]] = {}
        self._edges: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))

    def take(self, line: str) -> bool:
        """Read one line; return False for a line that is none."""
        found = _LINE.fullmatch(line)
        if found is None:
            return False
        try:
            dag_id, task_id = _text(found["dag"]), _text(found["task"])
            of_task = self._tasks.setdefault(dag_id, {}).setdefault(task_id, {})
            if found["after"]:
                self._edges[dag_id][task_id].append(_task(found["after"]).partition("/")[2])
            elif found["key"]:
                of_task.setdefault(_text(found["key"]), []).append(found)
        except ValueError:  # a string that is no JSON
            return False
        return True

    def snapshot(self) -> Snapshot:
        """Return what all lines say."""
        rules = {}
        for dag_id, of_dag in self._tasks.items():
            edges = self._edges.get(dag_id, {})
            graph = EdgeGraph({task_id: edges.get(task_id, ()) for task_id in of_dag})
            rules[dag_id] = {
                task_id: {key: _rule(found, dag_id, task_id, graph) for key, found in of_task.items()}
                for task_id, of_task in of_dag.items()
            }
        return Snapshot(rules, self._edges)


def _rule(grants: list[re.Match[str]], dag_id: str, task_id: str, graph: EdgeGraph) -> EffectiveRule:
    sure: set[str] = set()
    unsure: set[str] = set()
    for grant in grants:
        if grant["reader"] == DOWNSTREAM:
            sure.update(f"{dag_id}/{after}" for after in graph.downstream_of(task_id))
        elif grant["reader"] != NOBODY:
            (unsure if grant["maybe"] else sure).add(_task(grant["reader"]))
    ttl = grants[0]["ttl"]
    return EffectiveRule(
        frozenset(sure),
        frozenset(unsure),
        None if ttl is None else _duration(ttl),
        grants[0]["same_run"] is not None,
        grants[0]["once"] is not None,
        grants[0]["unrestricted"] is None,
        any(grant["reader"] == DOWNSTREAM for grant in grants),
    )
