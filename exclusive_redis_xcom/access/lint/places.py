"""Lines for findings that no rule and no pull gives one: what the text of the DAG's file shows."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exclusive_redis_xcom.access.finding import Finding

_IN_TRACEBACK = re.compile(r'File "([^"\n]+)", line (\d+)')
#: A key that is named like a secret: the finding is about the push.
_OF_KEYS: Final = frozenset({"EX114"})
_OF_DAGS: Final = frozenset({"DAG", "dag"})


def line_in_error(error: str, file: str) -> int | None:
    """Return the last line of a file that the traceback of its import error names; None if it names none."""
    name = os.path.basename(file)
    lines = [int(line) for place, line in _IN_TRACEBACK.findall(error) if os.path.basename(place) == name]
    return lines[-1] if lines else None


def with_lines(findings: Iterable[Finding], texts: Mapping[str, str]) -> Iterator[Finding]:
    """Yield findings, with a line where the file's text shows one.

    It is the line of the push, else that of the task, else that of the DAG.

    Args:
        findings: The findings.
        texts: The text of each file, by its name in findings.
    """
    trees: dict[str, ast.Module | None] = {}
    for finding in findings:
        text = texts.get(finding.file, "")
        if finding.line is not None or not text:
            yield finding
            continue
        if finding.file not in trees:
            trees[finding.file] = _parsed(text)
        tree = trees[finding.file]
        yield finding if tree is None else replace(finding, line=_line(tree, finding))


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _line(tree: ast.Module, finding: Finding) -> int | None:
    subject, _, key = finding.subject.partition(":")
    task_id = subject.partition(" ")[0].rpartition(".")[2]  # without the ids of its groups
    pushes = _pushes(tree, key) if finding.code in _OF_KEYS else ()
    for lines in (pushes, _made(tree, task_id, "task_id"), _made(tree, finding.dag_id, "dag_id")):
        first = min(lines, default=None)
        if first is not None:
            return first
    return None


def _pushes(tree: ast.Module, key: str) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == "xcom_push":
            arguments = [*node.args[:1], *(each.value for each in node.keywords if each.arg == "key")]
            if any(isinstance(each, ast.Constant) and each.value == key for each in arguments):
                yield node.lineno


def _made(tree: ast.Module, name: str, argument: str) -> Iterator[int]:
    """Yield the lines that make a task or a DAG: a function with a decorator, or a call with the id."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.name == name and node.decorator_list:
                yield node.lineno
        elif isinstance(node, ast.Call):
            ids = [each.value for each in node.keywords if each.arg == argument]
            if argument == "dag_id" and _name(node.func) in _OF_DAGS:
                ids += node.args[:1]
            if any(isinstance(each, ast.Constant) and each.value == name for each in ids):
                yield node.lineno


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
