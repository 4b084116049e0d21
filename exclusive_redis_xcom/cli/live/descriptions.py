"""What pushes told of their values, as `ls` and `show` write it. Workers may have written anything there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.model import Description

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.store.inventory import Held

_DIFFERENT = "different"


def description_of(held: Held) -> Description | None:
    """Return what is known of a value; None if nothing is. The codec alone tells of a `str` and of `bytes`."""
    if held.description is not None or held.envelope is None:
        return held.description
    if held.envelope.codec == "bytes":
        return Description("bytes", (held.envelope.decoded_size,))
    return Description("str") if held.envelope.codec == "str" else None


def common(all_held: Iterable[Held]) -> Description | None:
    """Return the one description that all these values have; None if they have none, or different ones."""
    found = set(map(description_of, all_held))
    return found.pop() if len(found) == 1 else None


def cells(all_held: Iterable[Held]) -> tuple[str, str]:
    """Return type and shape of one or more values, for a table."""
    found = [each for each in map(description_of, all_held) if each is not None]
    types, shapes = sorted({_short(each.type) for each in found}), {each.shape for each in found}
    shape = shapes.pop() if len(shapes) == 1 else None
    return ", ".join(types), _DIFFERENT if shapes else ("" if shape is None else " x ".join(map(str, shape)))


def document(description: Description | None) -> dict[str, Any]:
    """Return what the JSON form says. An item is null where nothing is known."""
    told = description or Description("")
    return {
        "type": told.type or None,
        "shape": None if told.shape is None else list(told.shape),
        "columns": [{"name": name, "dtype": dtype} for name, dtype in told.columns] or None,
        "keys": list(told.keys) or None,
        "more": told.more,
        "items": told.items,
    }


def names(description: Description | None) -> str | None:
    """Say which columns or keys there are; None if none are known."""
    if description is None or not (description.columns or description.keys or description.items):
        return None
    if not (description.columns or description.keys):
        return f"items are {description.items}"
    kind = "columns" if description.columns else "keys"
    told = [f"'{name}' {dtype}" for name, dtype in description.columns] or [f"'{key}'" for key in description.keys]
    return f"{kind} are {', '.join(told)}{f' and {description.more} more' if description.more else ''}"


def _short(type_name: str) -> str:
    """Leave out the inner modules: `pandas.DataFrame`."""
    parts = type_name.split(".")
    return type_name if len(parts) < 3 else f"{parts[0]}.{parts[-1]}"
