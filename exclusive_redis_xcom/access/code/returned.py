"""What a function returns, as far as its text tells."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.access.code.scopes import own_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.access.code.scopes import Function, Scope

#: These expressions are never None.
_VALUES = (ast.Dict, ast.List, ast.Tuple, ast.Set, ast.JoinedStr, ast.ListComp, ast.DictComp, ast.SetComp, ast.Compare)


class Outputs(NamedTuple):
    """The keys of a dict that a function returns: all of them, None if they are not known; and possible ones."""

    all: tuple[str, ...] | None
    possible: frozenset[str]


def returns(function: Function) -> bool | None:
    """Tell whether a function returns a value other than None; None if that depends."""
    nodes = list(own_nodes(function.body))
    if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes):
        return None
    values = [node.value for node in nodes if isinstance(node, ast.Return)]
    if all(value is None or _is_none(value) for value in values):
        return False
    always = isinstance(function.body[-1], ast.Return) and all(_is_a_value(value) for value in values)
    return True if always else None


def outputs(function: Function, scope: Scope) -> Outputs:
    """Return the keys of the dict that a function returns.

    All of them are known only if each `return` writes the dict out. Nothing makes a function return what its annotation
    says. So a TypedDict names keys that are possible, and no more.

    Args:
        function: The function.
        scope: The scope of its body.
    """
    annotated = typed_dict(unquoted(function.returns), scope)
    named = frozenset() if annotated is None else annotated
    nodes = list(own_nodes(function.body))
    if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes):
        return Outputs(None, named)
    found = [_literal(node.value, scope) for node in nodes if isinstance(node, ast.Return) and node.value is not None]
    possible = frozenset[str]().union(*(keys for keys, _ in found))
    if possible and all(is_whole and keys == possible for keys, is_whole in found):
        return Outputs(tuple(sorted(possible)), possible)
    return Outputs(None, possible | named)


def _literal(value: ast.expr, scope: Scope) -> tuple[frozenset[str], bool]:
    """Return the keys that a dict writes out, and whether it has no others."""
    if isinstance(value, ast.Call):
        return _called(value, scope)
    if not isinstance(value, ast.Dict):
        return frozenset(), False
    keys = [None if key is None else scope.constant(key) for key in value.keys]
    texts = frozenset(key for key in keys if isinstance(key, str))
    return texts, all(isinstance(key, str) for key in keys)


def _called(call: ast.Call, scope: Scope) -> tuple[frozenset[str], bool]:
    """Return the same of `dict(key=...)`, and of a call of a TypedDict of this file."""
    is_dict = isinstance(call.func, ast.Name) and call.func.id == "dict" and scope.find("dict")[0] is None
    if not is_dict and typed_dict(call.func, scope) is None:
        return frozenset(), False
    keys = [keyword.arg for keyword in call.keywords]
    return frozenset(key for key in keys if key is not None), not call.args and None not in keys


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _is_a_value(value: ast.expr | None) -> bool:
    return isinstance(value, _VALUES) or (isinstance(value, ast.Constant) and value.value is not None)


def unquoted(annotation: ast.expr | None) -> ast.expr | None:
    """Return an annotation, also where it is written as a text; None if there is none, or if it is none."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError):
            return None
    return annotation


def typed_dict(annotation: ast.expr | None, scope: Scope) -> frozenset[str] | None:
    """Return the keys of a TypedDict of this file, as far as they are known; None for anything else."""
    found = scope.only(annotation.id) if isinstance(annotation, ast.Name) else None
    if isinstance(found, ast.ClassDef):
        return _of_class(found, scope, 8)
    return None


def _of_class(node: ast.ClassDef, scope: Scope, depth: int) -> frozenset[str] | None:
    is_typed_dict, keys = False, set(_own_keys(node.body))
    for base in node.bases:
        bound = scope.only(base.id) if isinstance(base, ast.Name) else None
        if scope.origin(base) in ("typing.TypedDict", "typing_extensions.TypedDict"):
            is_typed_dict = True
        elif isinstance(bound, ast.ClassDef) and depth:
            of_base = _of_class(bound, scope, depth - 1)
            is_typed_dict = is_typed_dict or of_base is not None
            keys |= of_base or set()
    return frozenset(keys) if is_typed_dict else None


def _own_keys(body: Iterable[ast.stmt]) -> Iterable[str]:
    return (each.target.id for each in body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name))
