"""Where the rules of a DAG stand: the file, and the line where that is certain.

A call of `exclusive` notes its caller. An entry of the params is looked up in the text of the DAG's file. The line
counts if exactly one dict there has the same entries as the DAG's params, and that entry with that very value.

Files are named as they lie below the DAG's bundle. So nothing that is stored holds a path of one machine. The places
are kept beside the rules and never in the DAG's params: a DAG's serialized form does not change with them.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl import source as sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow.sdk import DAG

    from exclusive_redis_xcom.acl import Rule

#: A longer file takes too long to read at the start of every task. 200 kB are some 5,000 lines.
_MOST_BYTES = 200_000
#: How many calls of `exclusive` for one XCom are named.
_NAMED_CALLS = 3
_XCOM_ACL = b"xcom_acl"
#: Most nodes of a file are of these types, and they have no dict below them.
_LEAVES = frozenset({ast.Name, ast.Constant, ast.Load, ast.Store})
#: It stands in place of an entry that a dict does not have. It equals no value.
_NOTHING = ast.Name("", ast.Load())


class ExclusiveRule(dict[str, Any]):
    """A rule object that `exclusive` wrote. Its type tells it from a rule that the author wrote.

    `calls` says from where: the file and the line of each call.
    """

    calls: tuple[tuple[str, int], ...] = ()


def caller(depth: int = 2) -> tuple[str, int]:
    """Return the file and the line from which a function was called.

    Args:
        depth: How many frames lie between this function's frame and the caller's.
    """
    frame = sys._getframe(depth)
    return frame.f_code.co_filename, frame.f_lineno


def file_of(dag: DAG) -> str:
    """Return a DAG's file below its bundle; the file's name alone where Airflow did not tell the bundle."""
    return _below(_root(dag), dag.fileloc or "")


def with_places(
    rules: tuple[Rule, ...], declared: Any, dag: DAG, *, by_exclusive: bool, text: str | None = None
) -> tuple[Rule, ...]:
    """Return rules whose sources say where they stand, as in "etl.py:12"; the file alone where no line is certain.

    Args:
        rules: The rules of a DAG, read from `declared`.
        declared: The DAG's `xcom_acl`, as its author wrote it.
        dag: The DAG.
        by_exclusive: Whether to do so for the rules that `exclusive` declared, or for all others.
        text: The text of the DAG's file; None to read the file.
    """
    root, literals = _root(dag), _Literals(dag.fileloc, declared, text)
    placed = []
    for rule in rules:
        written = _written(rule, declared)
        if isinstance(written, ExclusiveRule) is not by_exclusive:
            placed.append(rule)
        elif isinstance(written, ExclusiveRule):
            placed.append(_with_calls(rule, written, root))
        else:
            placed.append(_with_line(rule, literals, root))
    return tuple(placed)


def place_of_entry(names: tuple[str, ...], declared: Any, dag: DAG) -> tuple[str, int | None]:
    """Return the file and the line of an entry of the params; None for a line that is not certain.

    Args:
        names: The names that lead to the entry.
        declared: The DAG's `xcom_acl`, as its author wrote it.
        dag: The DAG.
    """
    file = file_of(dag)
    if not names or not isinstance(declared, dict):
        return file, None
    try:
        return file, _Literals(dag.fileloc, declared).line(names)
    except (KeyError, TypeError):  # the author's dict is not well-formed below that
        return file, None


def _with_calls(rule: Rule, written: ExclusiveRule, root: str) -> Rule:
    if not written.calls:
        return rule
    named = ", ".join(f"{_below(root, file)}:{line}" for file, line in written.calls[:_NAMED_CALLS])
    more = len(written.calls) - _NAMED_CALLS
    place = named if more <= 0 else f"{named} and {more} more"
    return replace(rule, source=sources.placed(sources.BY_EXCLUSIVE, place))


def _with_line(rule: Rule, literals: _Literals, root: str) -> Rule:
    if not literals.file:
        return rule
    file, line = _below(root, literals.file), literals.line(_path(rule))
    return replace(rule, source=sources.placed(rule.source, file if line is None else f"{file}:{line}"))


def _path(rule: Rule) -> tuple[str, ...]:
    return (rule.key,) if rule.producer is None else (rule.producer, rule.key)


def _written(rule: Rule, declared: Any) -> Any:
    """Return what the author wrote for a rule."""
    for name in _path(rule):
        declared = declared.get(name) if isinstance(declared, dict) else None
    return declared


def _root(dag: DAG) -> str:
    """Return the folder of the DAG's bundle; the folder of its file where Airflow did not tell."""
    relative = dag.relative_fileloc or ""
    if relative and not os.path.isabs(relative) and dag.fileloc.endswith(os.sep + relative):
        return str(dag.fileloc)[: -len(relative)]
    return os.path.dirname(dag.fileloc or "")


def _below(root: str, file: str) -> str:
    """Name a file below a folder; a file elsewhere only by its last part."""
    folder = root.rstrip(os.sep) + os.sep
    return file[len(folder) :] if root and file.startswith(folder) else os.path.basename(file)


class _Literals:
    """The dicts in a DAG's file that may be the author's `xcom_acl`. All rules of the DAG are looked up in them.

    Args:
        file: The DAG's file.
        declared: The DAG's `xcom_acl`, as its author wrote it.
        text: The file's text; None to read the file.
    """

    def __init__(self, file: str, declared: Any, text: str | None = None) -> None:
        self.file = file
        self._text = text
        self._declared = declared
        self._entries: dict[int, dict[str, tuple[int, ast.expr]]] = {}

    def line(self, path: tuple[str, ...]) -> int | None:
        """Return the line of the entry with these names; None where it is not certain."""
        found = {self._line_in(node, path) for node in self._roots} - {None}
        return found.pop() if len(found) == 1 else None

    def _line_in(self, node: ast.expr, path: tuple[str, ...]) -> int | None:
        """Return the line of the entry in one dict; None where another value stands there."""
        line, written = 0, self._declared
        for name in path:
            line, node = self._entries_of(node).get(name, (line, _NOTHING))
            written = written[name]
        return line if _is(node, written) else None

    def _entries_of(self, node: ast.expr) -> dict[str, tuple[int, ast.expr]]:
        if id(node) not in self._entries:  # `_roots` keeps the nodes
            self._entries[id(node)] = {name: (line, value) for name, line, value in _items(node)}
        return self._entries[id(node)]

    @cached_property
    def _roots(self) -> list[ast.expr]:
        try:
            if self._text is not None:
                return _dicts_of(self._text.encode()).get(_names(self._declared), [])
            status = os.stat(self.file)
            return _dicts(self.file, status.st_mtime_ns, status.st_size).get(_names(self._declared), [])
        except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
            return []  # an archive, or a file that is gone


def _names(declared: dict[Any, Any]) -> frozenset[Any]:
    """Return the names of the entries that the author wrote into the params."""
    return frozenset(
        name
        for name, value in declared.items()
        if not (isinstance(value, dict) and value and all(isinstance(rule, ExclusiveRule) for rule in value.values()))
    )


@lru_cache(maxsize=1)
def _dicts(file: str, _modified: int, size: int) -> dict[frozenset[Any], list[ast.expr]]:
    """Return all dicts that a file writes out, by the names of their entries."""
    if size > _MOST_BYTES:
        return {}
    with open(file, "rb") as stream:
        return _dicts_of(stream.read(_MOST_BYTES))


def _dicts_of(text: bytes) -> dict[frozenset[Any], list[ast.expr]]:
    """Return all dicts that a text writes out; none of a text that is too long."""
    if len(text) > _MOST_BYTES:
        return {}
    found: dict[frozenset[Any], list[ast.expr]] = {}
    if _XCOM_ACL in text:
        for node in _dicts_below(ast.parse(text)):
            found.setdefault(frozenset(name for name, _, _ in _items(node)), []).append(node)
    return found


def _dicts_below(root: ast.AST) -> Iterator[ast.Dict]:
    """Yield all dicts with entries. `ast.walk` takes twice as long, and each task's start waits for this."""
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if type(node) is ast.Dict and node.keys:
            yield node
        for child in vars(node).values():
            if type(child) is list:
                waiting += [item for item in child if type(item) not in _LEAVES and isinstance(item, ast.AST)]
            elif type(child) not in _LEAVES and isinstance(child, ast.AST):
                waiting.append(child)


def _items(node: ast.expr) -> Iterator[tuple[str, int, ast.expr]]:
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, key.lineno, value


def _is(node: ast.expr, written: Any) -> bool:
    try:
        return json.dumps(ast.literal_eval(node), sort_keys=True) == json.dumps(written, sort_keys=True)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
