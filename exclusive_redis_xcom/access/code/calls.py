"""Calls that push or pull: which key, which task."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.access.code.code_facts import CodePull
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.access.code.scopes import Scope

#: The positional parameters of `xcom_pull`.
_OF_PULL: Final = ("task_ids", "dag_id", "key", "include_prior_dates")


@dataclass(slots=True)
class Findings:
    """What was found so far in the code of one task."""

    keys: set[str] = field(default_factory=set)
    computes_keys: bool = False
    calls_others: bool = False  # code that is not read, and is given nothing that pushes
    pulls: dict[CodePull, None] = field(default_factory=dict)


def note_push(findings: Findings, call: ast.Call, scope: Scope) -> None:
    """Note the key of `xcom_push(key=..., value=...)`."""
    arguments = _arguments(call, ("key", "value"))
    key = None if arguments is None else scope.constant(arguments.get("key"))
    if isinstance(key, str):
        findings.keys.add(key)
    else:
        findings.computes_keys = True


def note_pull(findings: Findings, call: ast.Call, scope: Scope, positional: Sequence[str] = _OF_PULL) -> None:
    """Note what `xcom_pull(...)`, or a function like it, pulls."""
    arguments = _arguments(call, positional)
    if arguments is None:
        findings.pulls[CodePull(None, None, None, call.lineno)] = None
        return
    given = {name: value for name, value in arguments.items() if not _is_none(value)}
    task_ids = given.get("task_ids", given.get("task_id"))
    if task_ids is None:
        return  # a task's own XComs
    key = scope.constant(given["key"]) if "key" in given else RETURN_KEY
    dag_id = scope.constant(given.get("dag_id"))
    found: Any = scope.constant(task_ids)
    if not isinstance(found, (str, tuple)) or ("dag_id" in given and not isinstance(dag_id, str)):
        found, dag_id = None, None
    for task_id in (found,) if not isinstance(found, tuple) else found:
        pull = CodePull(
            dag_id if isinstance(dag_id, str) else None, task_id, key if isinstance(key, str) else None, call.lineno
        )
        findings.pulls[pull] = None


def _arguments(call: ast.Call, positional: Sequence[str]) -> dict[str, ast.expr] | None:
    """Return the arguments of a call by name; None if it has `*` or `**`."""
    if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
        return None
    named = {each.arg: each.value for each in call.keywords if each.arg is not None}
    return {**dict(zip(positional, call.args, strict=False)), **named}


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
