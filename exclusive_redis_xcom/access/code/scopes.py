"""What the names of a file stand for: functions, classes, imports and constants, scope by scope."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Import:
    """A name that was imported, as in "airflow.sdk.task"."""

    origin: str


#: A name that gets its value in a way that is not followed: a parameter, or the variable of a loop.
OPAQUE = object()


@dataclass(eq=False)
class Scope:
    """The names of a module, or of a function.

    Attributes:
        parent: The scope around it.
        names: For each name, all that is bound to it: a function, a class, an `Import`, an expression, a constant of a
            call, or `OPAQUE`.
        definitions: The functions and classes that are defined here.
        imports_all: Whether the scope has `from ... import *`.
    """

    parent: Scope | None = None
    names: dict[str, list[Any]] = field(default_factory=dict)
    definitions: list[Function | ast.ClassDef] = field(default_factory=list)
    imports_all: bool = False

    def bind(self, name: str, bound: Any) -> None:
        """Note what is bound to a name."""
        self.names.setdefault(name, []).append(bound)

    def find(self, name: str) -> tuple[Scope | None, list[Any]]:
        """Return the scope that binds a name, and all that is bound to it; (None, []) for other names."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope, scope.names[name]
            scope = scope.parent
        return None, []

    def only(self, name: str) -> Any:
        """Return the one thing that is bound to a name; `OPAQUE` if there are several, or none."""
        bound = self.find(name)[1]
        return bound[0] if len(bound) == 1 else OPAQUE

    def sees_all_of_a_module(self) -> bool:
        """Tell whether this scope, or one around it, has `from ... import *`."""
        return self.imports_all or (self.parent is not None and self.parent.sees_all_of_a_module())

    def origin(self, node: ast.expr) -> str | None:
        """Return what a dotted name stands for if it was imported, as in "airflow.sdk.task"; None for anything else."""
        if isinstance(node, ast.Name):
            bound = self.only(node.id)
            return bound.origin if isinstance(bound, Import) else None
        if isinstance(node, ast.Attribute):
            base = self.origin(node.value)
            return None if base is None else f"{base}.{node.attr}"
        return None

    def constant(self, node: ast.expr | None, depth: int = 4) -> Any:
        """Return the text, or the tuple of texts, that an expression stands for; None if that is not certain."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            found = [self.constant(item, depth) for item in node.elts]
            return tuple(found) if all(isinstance(item, str) for item in found) else None
        if isinstance(node, ast.Name) and depth:
            scope, bound = self.find(node.id)
            if scope is not None and len(bound) == 1:
                return bound[0] if isinstance(bound[0], (str, tuple)) else _constant_of(scope, bound[0], depth)
        return None


def _constant_of(scope: Scope, bound: Any, depth: int) -> Any:
    # A list may be changed after it was made. A tuple and a text may not.
    is_fixed = isinstance(bound, ast.expr) and not isinstance(bound, (ast.List, ast.Set))
    return scope.constant(bound, depth - 1) if is_fixed else None


def scope_of(body: list[ast.stmt], parent: Scope | None, parameters: ast.arguments | None = None) -> Scope:
    """Return the scope of a module's or a function's body."""
    scope = Scope(parent)
    for parameter in () if parameters is None else all_parameters(parameters):
        scope.bind(parameter.arg, OPAQUE)
    bound_already: set[int] = set()
    for node in own_nodes(body):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            scope.definitions.append(node)
            scope.bind(node.name, node)
        elif isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load) and id(node) not in bound_already:
                scope.bind(node.id, OPAQUE)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and (isinstance(node, ast.AnnAssign) or len(node.targets) == 1):
                bound_already.add(id(target))
                scope.bind(target.id, OPAQUE if node.value is None else node.value)
        else:
            _bind_others(node, scope)
    return scope


def all_parameters(parameters: ast.arguments) -> list[ast.arg]:
    """Return all parameters of a function."""
    found = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs]
    return found + [each for each in (parameters.vararg, parameters.kwarg) if each is not None]


def own_nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield all nodes of a body. Functions and classes in it are yielded, what is in them is not."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def _bind_others(node: ast.AST, scope: Scope) -> None:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        _bind_imports(node, scope)
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        if node.name:
            scope.bind(node.name, OPAQUE)
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        for name in node.names:
            scope.bind(name, OPAQUE)


def _bind_imports(node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
    for alias in node.names:
        if alias.name == "*":
            scope.imports_all = True
        elif isinstance(node, ast.ImportFrom):
            origin = f"{'.' * node.level}{node.module or ''}.{alias.name}"
            scope.bind(alias.asname or alias.name, Import(origin))
        elif alias.asname:
            scope.bind(alias.asname, Import(alias.name))
        else:
            first = alias.name.partition(".")[0]
            if not any(isinstance(each, Import) and each.origin == first for each in scope.names.get(first, ())):
                scope.bind(first, Import(first))
