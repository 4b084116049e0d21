"""Containers of the standard library: dicts with any keys, deques, and the like. Each is a tree."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from itertools import chain
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.kinds import NotCarriedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The factories of a defaultdict that are carried by name. A defaultdict with another factory becomes a dict.
_FACTORIES: dict[str, type | None] = {
    "": None,
    **{cls.__name__: cls for cls in (bool, bytes, dict, float, int, list, set, str, tuple)},
}


def pairs(value: Mapping[Any, Any]) -> list[Any]:
    """Return key, value, key, value..."""
    return list(chain.from_iterable(value.items()))


def pairs_as(value: Mapping[Any, Any], as_key: Callable[[Any], Any]) -> list[Any]:
    """Return key, value, key, value..., with what `as_key` returns for each key: the key itself, or its text.

    Raises:
        NotCarriedError: Two keys would be carried as the same one.
    """
    keys = list(map(as_key, value))
    changed = any(key is not old for key, old in zip(keys, value, strict=True))
    if changed and len(set(keys)) < len(keys):
        raise NotCarriedError(
            "Two of its keys would come back as the same text.",
            "Use keys of types that are carried, or a list of pairs.",
        )
    return list(chain.from_iterable(zip(keys, value.values(), strict=True)))


def plain_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    """Return an object of a subclass as a dict.

    Raises:
        NotCarriedError: It holds several values of a key, of which it shows but one.
    """
    shown: dict[Any, Any] = dict(value)
    for key, held in dict.items(value):
        if isinstance(held, (list, tuple)) and len(held) > 1 and _is_one_of(shown.get(key, held), held):
            raise NotCarriedError(
                "It holds several values of one key, and a plain dict holds but one.",
                "Push a plain dict of lists, or a list of pairs.",
            )
    return shown


def _is_one_of(shown: Any, held: Any) -> bool:
    return shown is not held and any(shown is item for item in held)


def build_dict(children: list[Any]) -> dict[Any, Any]:
    """Reverse `pairs`."""
    if len(children) % 2:
        raise ValueError("a key without a value")
    keys = iter(children)
    return dict(zip(keys, keys, strict=True))


def build_ordered_dict(children: list[Any]) -> OrderedDict[Any, Any]:
    """Reverse `pairs`."""
    return OrderedDict(build_dict(children))


def build_counter(children: list[Any]) -> Counter[Any]:
    """Reverse `pairs`."""
    counter: Counter[Any] = Counter()
    dict.update(counter, build_dict(children))
    return counter


def defaultdict_children(value: defaultdict[Any, Any], pairs_of: Callable[[Any], list[Any]]) -> list[Any]:
    """Return the name of the factory, then the pairs."""
    factory = value.default_factory
    return [getattr(factory, "__name__", ""), *pairs_of(value)]


def has_named_factory(value: defaultdict[Any, Any]) -> bool:
    """Return whether the factory of this defaultdict is carried."""
    factory = value.default_factory
    return factory is None or factory in _FACTORIES.values()


def build_defaultdict(children: list[Any]) -> defaultdict[Any, Any]:
    """Reverse `defaultdict_children`."""
    return defaultdict(_FACTORIES[children[0]], build_dict(children[1:]))


def deque_children(value: deque[Any]) -> list[Any]:
    """Return the maximal length, then the items."""
    return [value.maxlen, *value]


def build_deque(children: list[Any]) -> deque[Any]:
    """Reverse `deque_children`."""
    return deque(children[1:], children[0])
