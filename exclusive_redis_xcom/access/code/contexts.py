"""Which expressions are a task's context or its task instance. Whoever has one of them can push and pull."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.code import trusted
from exclusive_redis_xcom.access.code.scopes import Scope, all_parameters, own_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Airflow gives the task instance or the context to parameters with these names.
_PARAMETERS: Final = ("ti", "task_instance", "context")
#: The entries of a context that are the task instance.
_TASK_INSTANCE: Final = ("ti", "task_instance")
_LOOKUPS: Final = ("get", "pop", "setdefault")
_COPIES: Final = ("copy", "get_template_context")


class Contexts:
    """The variables that hold a context or a task instance."""

    def __init__(self) -> None:
        self._names: set[tuple[int, str]] = set()
        self._scopes: list[Scope] = []  # their addresses stay their own

    def enter(self, scope: Scope, parameters: ast.arguments, given: frozenset[str], body: list[ast.stmt]) -> None:
        """Note the variables of a function.

        Args:
            scope: The function's scope.
            parameters: Its parameters.
            given: The parameters that are known to hold one.
            body: Its statements.
        """
        self._scopes.append(scope)
        named = {each.arg for each in all_parameters(parameters) if each.arg in _PARAMETERS}
        others = {parameters.kwarg.arg} if parameters.kwarg is not None else set()
        self._names.update((id(scope), name) for name in given | named | others)
        assignments = [node for node in own_nodes(body) if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr))]
        while self._follow(assignments, scope):
            pass

    def has_entered(self, scope: Scope) -> bool:
        """Tell whether a scope is one of a function that is read, and not one around it."""
        return any(scope is entered for entered in self._scopes)

    def _follow(self, assignments: Iterable[ast.Assign | ast.AnnAssign | ast.NamedExpr], scope: Scope) -> bool:
        """Note variables that are assigned one. Tell whether there was a new one."""
        before = len(self._names)
        for node in assignments:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and node.value is not None and self.is_one(node.value, scope):
                self._names.add((id(scope.find(target.id)[0] or scope), target.id))
        return len(self._names) > before

    def is_one(self, node: ast.expr, scope: Scope) -> bool:
        """Tell whether an expression may be a context or a task instance."""
        if isinstance(node, ast.Name):
            return (id(scope.find(node.id)[0]), node.id) in self._names
        if isinstance(node, ast.Call):
            return self._is_returned(node, scope)
        if isinstance(node, ast.Subscript):
            return self.is_one(node.value, scope) and _may_be_task_instance(node.slice, scope)
        if isinstance(node, ast.BoolOp):
            return any(self.is_one(value, scope) for value in node.values)
        if isinstance(node, ast.IfExp):
            return self.is_one(node.body, scope) or self.is_one(node.orelse, scope)
        return isinstance(node, (ast.Await, ast.NamedExpr, ast.Starred)) and self.is_one(node.value, scope)

    def _is_returned(self, call: ast.Call, scope: Scope) -> bool:
        origin = scope.origin(call.func)
        if origin is not None:
            return origin.rpartition(".")[2] == trusted.CURRENT_CONTEXT
        if not isinstance(call.func, ast.Attribute) or not self.is_one(call.func.value, scope):
            return False
        if call.func.attr in _LOOKUPS:
            return not call.args or _may_be_task_instance(call.args[0], scope)
        return call.func.attr in _COPIES


def _may_be_task_instance(key: ast.expr, scope: Scope) -> bool:
    name = scope.constant(key)
    return name is None or name in _TASK_INSTANCE
