"""The functions of one file, and what is known of each."""

from __future__ import annotations

import ast
import functools
import os
import textwrap
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.code import returned
from exclusive_redis_xcom.access.code.body import Body
from exclusive_redis_xcom.access.code.code_facts import UNKNOWN, CodeFacts, united
from exclusive_redis_xcom.access.code.decorators import has_known_decorators
from exclusive_redis_xcom.access.code.multiple_outputs import MULTIPLE_OUTPUTS, has_multiple_outputs, options_of
from exclusive_redis_xcom.access.code.scopes import FUNCTIONS, OPAQUE, Function, Import, Scope, own_nodes, scope_of

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A longer file takes too long to read. 1 MB is some 25,000 lines.
_MOST_BYTES: Final = 1_000_000
_NOT_READABLE: Final = (OSError, ValueError, SyntaxError, RecursionError, MemoryError)


class ModuleCode:
    """The code of one file.

    Args:
        text: The file's text.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: Python cannot read it.
    """

    def __init__(self, text: str | bytes) -> None:
        tree = ast.parse(text)
        self._body = tree.body
        self._scope = scope_of(tree.body, None)
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                for name in node.names:
                    self._scope.bind(name, OPAQUE)
        self._says_all = _mentions(text) == sum(map(_options_of, ast.walk(tree)))
        self._known: dict[int, CodeFacts] = {}
        self._named_so: dict[str, CodeFacts] = {}
        self._inner: dict[int, Scope] = {}
        self._lambdas: CodeFacts | None = None

    def function_named(self, qualified_name: str) -> CodeFacts:
        """Return what is known of a function, by its `__qualname__`. Nothing is known of what the file imports."""
        if qualified_name not in self._named_so:
            self._named_so[qualified_name] = self._find(qualified_name)
        return self._named_so[qualified_name]

    def _find(self, qualified_name: str) -> CodeFacts:
        path = [part for part in qualified_name.split(".") if part != "<locals>"]
        bound = self._scope.names.get(path[0], [])
        if any(isinstance(each, Import) for each in bound):
            return UNKNOWN
        return united([self._facts(function, scope) for function, scope in self._named(path, self._scope)])

    def function_at(self, line: int) -> CodeFacts:
        """Return what is known of the function whose code begins at a line: that of its first decorator, if any."""
        found = [self._facts(function, scope) for function, scope in self._starting_at(line, self._scope)]
        return found[0] if len(found) == 1 else UNKNOWN

    def function_written(self, text: str) -> CodeFacts:
        """Return what is known of a function by its text, as Airflow stores those that `map` was given."""
        try:
            found = ast.parse(textwrap.dedent(text)).body[0]
        except (SyntaxError, ValueError, RecursionError, MemoryError, IndexError):
            found = None
        if not isinstance(found, FUNCTIONS):
            return self.lambdas() if "lambda" in text else UNKNOWN
        written = ast.dump(found)
        return united(
            [
                self._facts(each, scope)
                for _, scope in self._bodies(self._body, self._scope)
                for each in scope.definitions
                if isinstance(each, FUNCTIONS) and each.name == found.name and ast.dump(each) == written
            ]
        )

    def lambdas(self) -> CodeFacts:
        """Return what is known of each lambda of the file, whichever it is."""
        if self._lambdas is None:
            reader = Body()
            try:
                for body, scope in self._bodies(self._body, self._scope):
                    for node in own_nodes(body):
                        if isinstance(node, ast.Lambda):
                            reader.read_lambda(node, scope)
            except RecursionError:
                reader.findings.computes_keys = True
            found = reader.findings
            self._lambdas = CodeFacts(computes_keys=found.computes_keys or found.calls_others or bool(found.keys))
        return self._lambdas

    def _bodies(self, body: list[ast.stmt], scope: Scope) -> Iterator[tuple[list[ast.stmt], Scope]]:
        """Yield the body of the file, and those of all functions and classes in it, each with its scope."""
        yield body, scope
        for node in scope.definitions:
            yield from self._bodies(node.body, self._scope_in(node, scope))

    def _named(self, path: list[str], scope: Scope) -> Iterator[tuple[Function, Scope]]:
        for node in scope.definitions:
            if node.name != path[0]:
                continue
            if len(path) > 1:
                yield from self._named(path[1:], self._scope_in(node, scope))
            elif isinstance(node, FUNCTIONS):
                yield node, scope

    def _starting_at(self, line: int, scope: Scope) -> Iterator[tuple[Function, Scope]]:
        for node in scope.definitions:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if isinstance(node, FUNCTIONS) and first == line:
                yield node, scope
            elif first <= line <= (node.end_lineno or first):
                yield from self._starting_at(line, self._scope_in(node, scope))

    def _scope_in(self, node: Function | ast.ClassDef, scope: Scope) -> Scope:
        if id(node) not in self._inner:
            if isinstance(node, ast.ClassDef):
                # Methods do not see the names of their class, but those around it.
                inner = Scope(scope, {}, scope_of(node.body, None).definitions)
            else:
                inner = scope_of(node.body, scope, node.args)
            self._inner[id(node)] = inner
        return self._inner[id(node)]

    def _facts(self, function: Function, scope: Scope) -> CodeFacts:
        if id(function) not in self._known:
            try:
                self._known[id(function)] = self._read(function, scope)
            except RecursionError:
                self._known[id(function)] = UNKNOWN
        return self._known[id(function)]

    def _read(self, function: Function, scope: Scope) -> CodeFacts:
        if not has_known_decorators(function, scope):
            return UNKNOWN
        body = Body()
        body.read(function, scope, {}, frozenset())
        findings, inner = body.findings, scope_of(function.body, scope, function.args)
        outputs = returned.outputs(function, inner)
        return CodeFacts(
            keys=frozenset(findings.keys),
            computes_keys=findings.computes_keys or findings.calls_others,
            only_calls_others=not findings.computes_keys,
            returns=returned.returns(function),
            outputs=outputs.all,
            possible_outputs=outputs.possible,
            # `.override(multiple_outputs=...)` would change it.
            multiple_outputs=has_multiple_outputs(function, inner) if self._says_all else None,
            pulls=tuple(findings.pulls),
        )


def _mentions(text: str | bytes) -> int:
    return text.count(MULTIPLE_OUTPUTS) if isinstance(text, str) else text.count(MULTIPLE_OUTPUTS.encode())


def _options_of(node: ast.AST) -> int:
    """Count the decorators of a function that set `multiple_outputs`."""
    return sum(option is not None for option in options_of(node)) if isinstance(node, FUNCTIONS) else 0


def code_of_text(text: str) -> ModuleCode | None:
    """Return the code of a text; None if Python cannot read it, or if it is too long."""
    if len(text) > _MOST_BYTES:
        return None
    try:
        return ModuleCode(text)
    except _NOT_READABLE:
        return None


def code_of_file(path: str) -> ModuleCode | None:
    """Return the code of a file; None where there is none: the file is gone, in an archive, or no Python."""
    try:
        status = os.stat(path)
        return _code_of_file(path, status.st_mtime_ns, status.st_size)
    except _NOT_READABLE:
        return None


@functools.lru_cache(maxsize=8)
def _code_of_file(path: str, _modified: int, size: int) -> ModuleCode | None:
    if size > _MOST_BYTES:
        return None
    with open(path, "rb") as stream:
        return ModuleCode(stream.read())
