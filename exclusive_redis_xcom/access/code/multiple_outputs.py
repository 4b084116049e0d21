"""Whether a task has multiple outputs. The serialized form of a mapped `@task` does not tell that."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.code.returned import typed_dict, unquoted

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.code.scopes import Function, Scope

MULTIPLE_OUTPUTS: Final = "multiple_outputs"

_MAPPINGS: Final = frozenset(
    (
        "collections.abc.Mapping",
        "collections.abc.MutableMapping",
        "typing.Dict",
        "typing.Mapping",
        "typing.MutableMapping",
    )
)
_OTHERS: Final = frozenset(("bool", "bytes", "float", "int", "list", "object", "set", "str", "tuple"))


def has_multiple_outputs(function: Function, scope: Scope) -> bool | None:
    """Tell whether a task of a function has multiple outputs, as Airflow infers it; None if that is not known.

    Args:
        function: The function.
        scope: The scope of its body.
    """
    options = [option for option in options_of(function) if option is not None]
    if options:
        value = options[0].value if isinstance(options[0], ast.Constant) else None
        return value if isinstance(value, bool) else None
    annotation = unquoted(function.returns)
    if annotation is None:
        return False if function.returns is None else None
    if typed_dict(annotation, scope) is not None:
        return True
    named = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return _is_mapping(named, scope)


def options_of(function: Function) -> list[ast.expr | None]:
    """Return what each decorator gives for `multiple_outputs`; None where it gives nothing."""
    found: list[ast.expr | None] = []
    for decorator in function.decorator_list:
        given = [each.value for each in getattr(decorator, "keywords", ()) if each.arg == MULTIPLE_OUTPUTS]
        found.append(given[0] if given else None)
    return found


def _is_mapping(named: ast.expr, scope: Scope) -> bool | None:
    if isinstance(named, ast.Constant) and named.value is None:
        return False
    if scope.origin(named) in _MAPPINGS:
        return True
    if isinstance(named, ast.Name) and scope.find(named.id)[0] is None:
        return True if named.id == "dict" else (False if named.id in _OTHERS else None)
    return None
