"""Entries that stand twice in an access list (EX105). Python keeps the last one, so only the file's text shows them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.lint.findings import finding, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.access.finding import Finding

_PARAM = "xcom_acl"
#: How `exclusive` words that there are two rules for one XCom. The file and the line of the call follow.
_BY_EXCLUSIVE = re.compile(
    r"(?P<decision>exclusive\(\) for .*: "
    r"(?:the DAG's params hold a rule for this XCom too|an earlier call sets .*)\.)\n"
    r"The call is at (?P<file>.*):(?P<line>\d+)\. It is about XCom .* of task '.*' in DAG '(?P<dag_id>.*)'\.\n"
    r"(?P<remedy>.*)"
)


def check(text: str, file: str, dag_id: str) -> Iterator[Finding]:
    """Yield entries that a DAG file has twice in one access list.

    Args:
        text: The DAG file.
        file: Its name, for the findings.
        dag_id: The DAG of the file; "" if it has several.
    """
    if _PARAM not in text:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for acl in _lists(tree):
        for path, line, first in _repeated(acl, _PARAM):
            message = f"{path} stands at line {first}, too, and only the last entry counts."
            yield finding("EX105", dag_id, message, path, file, line, remedy="Write one entry, with all consumers.")


def in_error(text: str) -> tuple[str, str, str, int, str] | None:
    """Read an import error. If `exclusive` found two rules, return its words, the DAG, file, line and remedy."""
    found = _BY_EXCLUSIVE.search(text)
    if found is None:
        return None
    return found["decision"], found["dag_id"], found["file"], int(found["line"]), found["remedy"]


def _lists(tree: ast.Module) -> Iterator[ast.Dict]:
    """Yield the dicts that stand under the param's name, also by way of `Param(...)` and of a variable."""
    assigned = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    seen: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == _PARAM:
                    found = _dict_of(value, assigned)
                    if found is not None and id(found) not in seen:
                        seen.add(id(found))
                        yield found


def _dict_of(node: ast.expr, assigned: dict[str, ast.expr]) -> ast.Dict | None:
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    if isinstance(node, ast.Name):
        node = assigned.get(node.id, node)
    return node if isinstance(node, ast.Dict) else None


def _repeated(node: ast.Dict, path: str) -> Iterator[tuple[str, int, int]]:
    """Yield the path, the line and the first line of each entry that stands in the dict before."""
    first: dict[str, int] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            continue
        inside = f"{path}[{short(key.value)}]"
        if key.value in first:
            yield inside, key.lineno, first[key.value]
        first.setdefault(key.value, key.lineno)
        if isinstance(value, ast.Dict):
            yield from _repeated(value, inside)
