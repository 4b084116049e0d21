"""Which parameter of a function gets which argument of a call."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.code.scopes import Function


def values(call: ast.Call) -> list[ast.expr]:
    """Return all values that a call is given."""
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def matched(function: Function, call: ast.Call) -> dict[str, ast.expr] | None:
    """Return the argument of each parameter; None if that cannot be told."""
    parameters = function.args
    names = [each.arg for each in (*parameters.posonlyargs, *parameters.args)]
    if any(isinstance(each, ast.Starred) for each in call.args) or len(call.args) > len(names):
        return None
    found = dict(zip(names, call.args, strict=False))
    known = {*names, *(each.arg for each in parameters.kwonlyargs)}
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg not in known:
            return None
        found[keyword.arg] = keyword.value
    return found


def defaults(function: Function, arguments: dict[str, ast.expr]) -> list[tuple[str, ast.expr]]:
    """Return the defaults of those parameters that a call gives nothing to."""
    parameters = function.args
    positional = [each.arg for each in (*parameters.posonlyargs, *parameters.args)]
    found = list(zip(reversed(positional), reversed(parameters.defaults), strict=False))
    found += [
        (each.arg, default)
        for each, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        if default is not None
    ]
    return [(name, value) for name, value in found if name not in arguments]
