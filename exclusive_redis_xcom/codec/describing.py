"""Describe a value: its type, its shape, and the names in it that are no content.

A description is made at each push. So it takes a few microseconds for plain data, and looks at a bounded number of
items. No code of a user's class runs: only classes of the standard library, and of the libraries listed here, are
asked. Of objects of all other classes, the name of the class is told. Nothing is imported.
"""

from __future__ import annotations

import sys
from collections import Counter, OrderedDict, defaultdict, deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.class_names import name_of, parts_of
from exclusive_redis_xcom.model import Description

if TYPE_CHECKING:
    from collections.abc import Callable

#: So many keys are told, and so many items are looked at.
_MOST_KEYS = 20
_MOST_ITEMS = 16

#: The packages of the libraries' classes that `describing_tables.py` knows.
_PACKAGES = frozenset({"geopandas", "numpy", "pandas", "polars", "pyarrow", "scipy", "xarray"})

#: Classes are looked up by their ids: the hash of a class may be code of its metaclass. These classes stay for ever.
#: The codec and the size, which the envelope tells, say as much of these values as a description would.
_TOLD_BY_ENVELOPE = frozenset(map(id, (type(None), bool, int, float, str, bytes)))
_MAPPINGS = {id(cls): name_of(cls) for cls in (dict, OrderedDict, defaultdict)}
_COLLECTIONS = {id(cls): name_of(cls) for cls in (list, tuple, set, frozenset, deque)}
#: What a Counter has counted is content.
_LENGTH_ALONE = {id(cls): name_of(cls) for cls in (Counter, bytearray)}


def describe(value: object) -> Description | None:
    """Describe a value that is pushed.

    Returns:
        The description. It is None for None, a bool, a number, a `str` and `bytes`: the envelope tells as much.
    """
    which = id(type(value))
    if which in _TOLD_BY_ENVELOPE:
        return None
    try:
        if which in _MAPPINGS:
            return _mapping(value, _MAPPINGS[which])
        if which in _COLLECTIONS:
            return _collection(value, _COLLECTIONS[which])
        if which in _LENGTH_ALONE:
            return Description(_LENGTH_ALONE[which], (len(value),))  # type: ignore[arg-type]
        of_library = _describer_of(type(value))
        if of_library is not None:
            return of_library(value)
    except Exception:  # noqa: S110 - a description is a detail for people, so its error is no error of the push
        pass
    return Description(name_of(type(value)))


def _mapping(value: Any, name: str) -> Description:
    # An OrderedDict's own iterator asks for the hashes of keys, which is code of their classes.
    keys = tuple([key for key in islice(dict.__iter__(value), _MOST_KEYS) if type(key) is str])
    length = len(value)
    return Description(name, (length,), (), keys, length - len(keys))


def _collection(value: Any, name: str) -> Description:
    classes = {id(type(item)): type(item) for item in islice(value, _MOST_ITEMS)}
    items = name_of(*classes.values()) if len(classes) == 1 else None
    return Description(name, (len(value),), items=items)


def _describer_of(cls: type) -> Callable[[Any], Description] | None:
    """Return what describes objects of a library's class; None if this class is not one of the libraries' own."""
    module, name = parts_of(cls)
    if module.partition(".")[0] not in _PACKAGES:
        return None
    from exclusive_redis_xcom.codec import describing_tables  # most tasks push no tables, and tasks must start fast

    describer = describing_tables.describer_of(module, name)
    if describer is None or vars(sys.modules[module]).get(name) is not cls:
        return None
    return describer
