"""Decorators of task functions, and whether they only call the function."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.code import trusted

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.code.scopes import Function, Scope


def has_known_decorators(function: Function, scope: Scope) -> bool:
    """Tell whether a function is called as it is written: nobody knows what other decorators do."""
    return all(_is_known(decorator, scope) for decorator in function.decorator_list)


def _is_known(decorator: ast.expr, scope: Scope) -> bool:
    origin = scope.origin(decorator.func if isinstance(decorator, ast.Call) else decorator)
    if origin is None:
        return isinstance(decorator, ast.Name) and decorator.id in ("classmethod", "property", "staticmethod")
    return origin.startswith("airflow.") or trusted.pushes_nothing(origin)
