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


_NOT_KNOWN = Outputs(None, frozenset())


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
    """Return the keys of the dict that a function returns: by its annotation, else by what it returns.

    Args:
        function: The function.
        scope: The scope of its body.
    """
    annotated = typed_dict(unquoted(function.returns), scope)
    if annotated is not None:
        return annotated
    nodes = list(own_nodes(function.body))
    if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in nodes):
        return _NOT_KNOWN
    found = [_literal(node.value, scope) for node in nodes if isinstance(node, ast.Return) and node.value is not None]
    possible = frozenset().union(*(keys for keys, _ in found))
    is_known = bool(possible) and all(is_whole and keys == possible for keys, is_whole in found)
    return Outputs(tuple(sorted(possible)) if is_known else None, possible)


def _literal(value: ast.expr, scope: Scope) -> tuple[frozenset[str], bool]:
    """Return the keys that a dict writes out, and whether it has no others."""
    if not isinstance(value, ast.Dict):
        return frozenset(), False
    keys = [None if key is None else scope.constant(key) for key in value.keys]
    texts = frozenset(key for key in keys if isinstance(key, str))
    return texts, all(isinstance(key, str) for key in keys)


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


def typed_dict(annotation: ast.expr | None, scope: Scope) -> Outputs | None:
    """Return the keys of a TypedDict of this file; None for anything else."""
    found = scope.only(annotation.id) if isinstance(annotation, ast.Name) else None
    if isinstance(found, ast.ClassDef):
        return _of_class(found, scope, 8)
    return None


def _of_class(node: ast.ClassDef, scope: Scope, depth: int) -> Outputs | None:
    is_typed_dict, keys, is_whole = False, set(_own_keys(node.body)), True
    for base in node.bases:
        origin = scope.origin(base)
        bound = scope.only(base.id) if isinstance(base, ast.Name) else None
        if origin in ("typing.TypedDict", "typing_extensions.TypedDict"):
            is_typed_dict = True
        elif isinstance(bound, ast.ClassDef) and depth:
            of_base = _of_class(bound, scope, depth - 1)
            is_typed_dict = is_typed_dict or of_base is not None
            keys |= set() if of_base is None else of_base.possible
            is_whole = is_whole and of_base is not None and of_base.all is not None
        else:
            is_whole = False
    if not is_typed_dict:
        return None
    is_total = all(isinstance(each.value, ast.Constant) and each.value.value is True for each in node.keywords)
    optional = not is_total or any("Required" in ast.dump(each) for each in _annotations(node.body))
    return Outputs(tuple(sorted(keys)) if is_whole and not optional else None, frozenset(keys))


def _own_keys(body: Iterable[ast.stmt]) -> Iterable[str]:
    return (each.target.id for each in body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name))


def _annotations(body: Iterable[ast.stmt]) -> Iterable[ast.expr]:
    return (each.annotation for each in body if isinstance(each, ast.AnnAssign))
