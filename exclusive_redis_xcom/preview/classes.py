"""Objects of classes: the name that the bytes give, and the plain parts. No class is looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.preview import safe_text
from exclusive_redis_xcom.preview.parts import DICT, LIST, Plain, Tree

if TYPE_CHECKING:
    from exclusive_redis_xcom.preview.parts import Part

_ENUM, _NAMEDTUPLE, _MODEL, _PLUG = 40, 41, 44, 47
#: Every code of a tree whose first child names a class or a plug.
TREES: Final = frozenset(range(40, 48))
_MOST_PARTS: Final = 6
_TUPLE: Final = 10


def name_of(tree: Tree) -> str:
    """Return the name of the class, or of the plug."""
    (first,) = tree.first(1)
    name = safe_text.name(first.value if isinstance(first, Plain) else None)
    return f"plug {name}" if tree.code == _PLUG else name


def plain_parts(tree: Tree) -> list[Part]:
    """Return what the object was taken apart into, without names of classes, versions and what is empty."""
    if tree.code == _NAMEDTUPLE:
        return [Tree(_TUPLE, tree.count - 1, lambda: _after_first(tree))]
    parts = tree.first(_MOST_PARTS)[1:]
    if tree.code == _ENUM:
        member, value = parts
        return [member if member != Plain(None) else value]
    if tree.code == _MODEL:
        fields, _, *others = parts
        return [fields, *filter(_holds_something, others)]
    _, *parts = parts  # without the version
    return [part for part in parts if _holds_something(part)] or parts[:1]


def _after_first(tree: Tree):  # type: ignore[no-untyped-def]
    children = tree.children()
    next(children)
    return children


def _holds_something(part: Part) -> bool:
    return not (isinstance(part, Tree) and part.code in (DICT, LIST) and not part.count)
