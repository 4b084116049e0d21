"""The shape of a value, for people: how long it is in each dimension."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

_CONTAINERS = frozenset({list, tuple, dict, set, frozenset, deque, OrderedDict, defaultdict, Counter})

#: A class that derives from one of these packages' classes is asked for its `shape`. Other classes are not asked,
#: because their `shape` may mean something else.
_PACKAGES = frozenset({"numpy", "pandas", "polars", "pyarrow", "scipy", "xarray"})

_MAX_DIMENSIONS = 32
_MAX_LENGTH = 2**40


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Return the length of a value in each dimension, as (1000, 3); None where the value has no dimensions.

    The shape is a detail for people, so an error on the way to it is no error of the push.
    """
    cls = type(value)
    if cls in _CONTAINERS:
        return (len(value),)
    if cls.__module__ == "builtins":
        return None
    if not any(base.__module__.partition(".")[0] in _PACKAGES for base in cls.__mro__):
        return None
    try:
        shape = tuple(map(int, value.shape))
    except Exception:
        return None
    fits = 0 < len(shape) <= _MAX_DIMENSIONS and all(0 <= length <= _MAX_LENGTH for length in shape)
    return shape if fits else None
