"""Format 2 of a reference: a sentence first, then details for people, then the machine's part.

```json
{"about": "list of 2, 13 bytes, for load until 6 Dec 11:57 UTC; the value is in Redis, this is only a reference to it",
 "details": {"type": "list", "size": 13, "shape": "2", "consumers": ["load"], "rule": "...", "expires": "..."},
 "reference": {"v": 2, "coordinate": {...}, "version": "...", "pushed_at": "..."}}
```

The machine's part of a sealed value also has `seal`. The details have a `shape` if the value has one.

Airflow's column is JSONB on PostgreSQL, which forgets the order of keys. It puts shorter keys first, and keys of the
same length in the order of their bytes. MySQL does the same. So the three outer keys have rising lengths. Further outer
keys must be longer than `about`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.formats import reference_fields as fields
from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.formats.reference_facts import ReferenceFacts


FORMAT = 2

#: The key of the machine's part. It holds `v` in this format and in every later one.
MACHINE = "reference"

#: The key of the part for people, which this format alone has.
DETAILS = "details"

_OUTER = {"about", DETAILS, MACHINE}
_DETAILS = {"type", "size", "consumers", "rule", "expires"}
_MACHINE = {"v", "coordinate", "version", "pushed_at"}

#: Bounds on texts for people, in characters. What is longer is cut at the push.
MAX_ABOUT = 300
MAX_SHOWN = 1000
MAX_DOTS = 3  # `one_line` adds them


def dump(reference: ReferenceFacts) -> dict[str, Any]:
    """Return the object below the mark."""
    shape = {} if reference.shape is None else {"shape": fields.shown_shape(reference.shape)}
    seal = {} if reference.seal is None else {"seal": reference.seal.to_json()}
    return {
        "about": shown(reference.about, MAX_ABOUT),
        DETAILS: {
            "type": shown(reference.type_name),
            "size": reference.size,
            **shape,
            "consumers": list(shown_consumers(reference.consumers)),
            "rule": shown(reference.rule),
            "expires": reference.expires_at.isoformat(),
        },
        MACHINE: {
            "v": FORMAT,
            "coordinate": fields.coordinate_json(reference.coordinate),
            "version": reference.version,
            "pushed_at": reference.pushed_at.isoformat(),
            **seal,
        },
    }


def load(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Read the object below the mark, and return the fields of `ReferenceFacts`.

    Raises:
        InvalidReference: The object is not exactly what `dump` returns.
    """
    body = fields.mapping(raw, _OUTER, "reference")
    return {
        "format": FORMAT,
        "about": fields.printable(body["about"], "about", MAX_ABOUT + MAX_DOTS),
        **_details(body[DETAILS]),
        **_machine_part(body[MACHINE]),
    }


def _details(value: object) -> dict[str, Any]:
    shaped = isinstance(value, dict) and "shape" in value
    details = fields.mapping(value, _DETAILS | {"shape"} if shaped else _DETAILS, "details")
    most = MAX_SHOWN + MAX_DOTS
    names = fields.consumers(details["consumers"], "consumers")
    return {
        "type_name": fields.printable(details["type"], "type", most),
        "size": fields.size(details["size"], "size"),
        "shape": fields.shape(details["shape"], "shape") if shaped else None,
        "consumers": tuple(fields.printable(name, "consumers", most) for name in names),
        "rule": fields.printable(details["rule"], "rule", most),
        "expires_at": fields.time(details["expires"], "expires"),
    }


def _machine_part(value: object) -> dict[str, Any]:
    sealed = isinstance(value, dict) and "seal" in value
    machine = fields.mapping(value, _MACHINE | {"seal"} if sealed else _MACHINE, MACHINE)
    fields.integer(machine["v"], "v", FORMAT, FORMAT)
    return {
        "coordinate": fields.coordinate(machine["coordinate"]),
        "version": fields.version(machine["version"], "version"),
        "pushed_at": fields.time(machine["pushed_at"], "pushed_at"),
        "seal": fields.seal(machine["seal"]) if sealed else None,
    }


def shown_consumers(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first consumers as people may see them, and how many more there are."""
    most = fields.SHOWN_CONSUMERS
    return (*_shown_names(names[:most]), *fields.shown_consumers(names)[most:])


# The pushes of one key have the same consumers. Only those that are shown are remembered: there may be a megabyte more.
@functools.lru_cache(maxsize=256)
def _shown_names(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(shown(name) for name in names)


def shown(text: str, most: int = MAX_SHOWN) -> str:
    """Return a text as people may see it: on one line, cut if it is long."""
    return text if len(text) <= most and text.isprintable() else one_line(text, most)
