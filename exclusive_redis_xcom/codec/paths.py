"""Where a part lies in a value: `['a'][3].field`.

Keys of dicts are a part of the value. So only those are shown that look like the name of a field or a small number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_FIELD_NAME = r"[A-Za-z_][A-Za-z_ .-]{0,38}[0-9]{0,3}"
_LARGEST_NUMBER = 10_000
_LONGEST_NAME = 50  # characters of a field's name
_HIDDEN = "..."
_SHOWN = 28  # characters of a path in a first line


def key_step(key: object) -> str:
    """Return the step to what lies under a key of a dict. Most keys that may be secret are not shown."""
    return f"[{shown_key(key)}]"


def shown_key(key: object) -> str:
    """Return a key as it is shown."""
    if type(key) is str and re.fullmatch(_FIELD_NAME, key):
        return repr(key)
    if key is None or type(key) is bool or (type(key) is int and abs(key) < _LARGEST_NUMBER):
        return repr(key)
    return _HIDDEN


def field_step(name: object) -> str:
    """Return the step to a field of an object."""
    return f".{name}" if type(name) is str and name.isidentifier() and len(name) <= _LONGEST_NAME else key_step(name)


def short(path: str) -> str:
    """Return the end of a long path."""
    if len(path) <= _SHOWN:
        return path
    cut = re.search(r"[.\[]", path[-_SHOWN + 3 :])
    return "..." + (path[len(path) - _SHOWN + 3 + cut.start() :] if cut else path[-_SHOWN + 3 :])


#: A part of a tree: the tree's object, what it was taken apart into, and the position of the part in that.
Part = tuple[Any, list[Any], int]


def _item(part: Part) -> str:
    return f"[{part[2]}]"


def _in_pairs(part: Part, skipped: int = 0) -> str:
    _, children, position = part
    key = children[position - (position - skipped) % 2]
    return key_step(key) if (position - skipped) % 2 else "[a key]"


def _in_named_tuple(part: Part) -> str:
    owner, _, position = part
    return field_step(owner._fields[position - 1])


def _in_objects_of_array(part: Part) -> str:
    owner, _, position = part
    place = position - 2
    steps = []
    for length in reversed(owner.shape):
        place, step = divmod(place, length)
        steps.append(str(step))
    return f"[{', '.join(reversed(steps))}]"


def _one_of(*steps: str) -> Callable[[Part], str]:
    return lambda part: steps[part[2]] if part[2] < len(steps) else ""


def _in_rows(part: Part) -> str:
    row, item = divmod(part[2] - 1, part[1][0])
    return f"[{row}][{item}]"


#: By the code of a tree (`registry.py`): how to write the step to one of its children.
_STEPS: dict[int, Callable[[Part], str]] = {
    10: _item,
    11: lambda _: "{...}",
    12: lambda _: "{...}",
    13: _in_pairs,
    14: _in_pairs,
    15: _in_pairs,
    16: lambda part: f"[{part[2] - 1}]",
    17: lambda part: _in_pairs(part, skipped=1),
    18: _item,
    19: _in_rows,
    40: lambda _: ".value",
    41: _in_named_tuple,
    52: _in_objects_of_array,
    61: _one_of("", ".values", ".name"),
    62: _one_of(".index", ".values", ".name", ".attrs"),
    63: _one_of(".index", ".columns", "", ".attrs"),
}
#: Trees with a dict that holds fields of theirs: dataclasses, attrs, models, plugs.
_WITH_FIELDS = frozenset({42, 43, 44, 47})
_MODEL, _PLUGGED = 44, 47
_FRAME = 63


def path_of(parts: Iterable[tuple[int, Part]]) -> str:
    """Return the path to the last of some parts, each of which lies in the one before.

    Args:
        parts: The code of the tree that a part belongs to, and the part.
    """
    path = ""
    above: tuple[int, Part] = (0, (None, [], 0))
    for code, part in parts:
        path += _step(code, part, *above)
        above = code, part
    return path


def _step(code: int, part: Part, above: int, whole: Part) -> str:
    if above in _WITH_FIELDS and code == 13 and part[2] % 2:
        name = part[1][part[2] - 1]
        is_data = above == _PLUGGED or (above == _MODEL and name not in type(whole[0]).model_fields)
        return key_step(name) if is_data and shown_key(name) == _HIDDEN else field_step(name)
    if above == _FRAME and whole[2] == 2:  # the list of columns
        return key_step(whole[0].columns[part[2]])
    return _STEPS[code](part) if code in _STEPS else ""
