"""Trees from the standard library: tuples, sets, dicts with any keys, and the like."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The factories of a defaultdict that have a name here; one with another factory becomes a dict.
_FACTORIES: dict[str, type | None] = {
    "": None,
    **{cls.__name__: cls for cls in (bool, bytes, dict, float, int, list, set, str, tuple)},
}


def pairs(value: Mapping[Any, Any]) -> list[Any]:
    """Key, value, key, value..."""
    return list(chain.from_iterable(value.items()))


def build_dict(children: list[Any]) -> dict[Any, Any]:
    """The inverse of `pairs`."""
    if len(children) % 2:
        raise ValueError("a key without a value")
    keys = iter(children)
    return dict(zip(keys, keys, strict=True))


def build_ordered_dict(children: list[Any]) -> OrderedDict[Any, Any]:
    """The inverse of `pairs`."""
    return OrderedDict(build_dict(children))


def build_counter(children: list[Any]) -> Counter[Any]:
    """The inverse of `pairs`."""
    counter: Counter[Any] = Counter()
    dict.update(counter, build_dict(children))
    return counter


def defaultdict_children(value: defaultdict[Any, Any]) -> list[Any]:
    """Name of the factory, then the pairs."""
    factory = value.default_factory
    return [getattr(factory, "__name__", ""), *pairs(value)]


def has_named_factory(value: defaultdict[Any, Any]) -> bool:
    """Whether the factory of this defaultdict comes back."""
    factory = value.default_factory
    return factory is None or factory in _FACTORIES.values()


def build_defaultdict(children: list[Any]) -> defaultdict[Any, Any]:
    """The inverse of `defaultdict_children`."""
    return defaultdict(_FACTORIES[children[0]], build_dict(children[1:]))


def deque_children(value: deque[Any]) -> list[Any]:
    """Maximal length, then the items."""
    return [value.maxlen, *value]


def build_deque(children: list[Any]) -> deque[Any]:
    """The inverse of `deque_children`."""
    return deque(children[1:], children[0])
