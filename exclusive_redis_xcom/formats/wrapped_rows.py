"""The rows of a mapped task's results with wrapped keys, read in columns: what the ring opens of a slice.

Thousands of such rows differ in their map index, version, time, size, shape and wrapped key alone. Rows that share all
else are of one kind. One row of each kind is read as `wrapped_text.py` reads it. The others are checked against it.

Nothing is read here that `reference.parse_stored` would refuse. If in doubt, there are no columns, and each row is read
alone.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference_fields as fields
from exclusive_redis_xcom.formats import reference_v3, wrapped_text
from exclusive_redis_xcom.formats.reference_facts import ReferenceFacts
from exclusive_redis_xcom.formats.reference_v2 import MAX_ABOUT, MAX_DOTS
from exclusive_redis_xcom.formats.seal import FROM_URL

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The lines of a text.
_LINES = 3
#: The second line after its path: the map index and what follows it.
_LINE = re.compile(f"({fields.WHOLE}) {reference_v3.AFTER_PATH} {wrapped_text.KEY}")
#: A path has the ids of a DAG, a run, a task and a key. A slash follows each where a map index comes last.
_SLASHES = 4
#: With more, columns save no time.
_MOST_KINDS = 64


class _Row(Struct, forbid_unknown_fields=True, gc=False):
    """A row that is one text, as JSON."""

    exclusive_redis_xcom: str


_row = msgspec.json.Decoder(_Row)


@dataclass(slots=True)
class WrappedRows:
    """Rows in their order, in columns.

    Attributes:
        samples: One reference of each kind. Rows of a kind share all but what the columns hold.
        kinds: The number of each row's kind, from 0.
        indexes: The map indexes.
        versions: The versions, 16 bytes each.
        pushed: The times of the pushes, in milliseconds since 1970.
        sizes: The sizes in bytes.
        shapes: The shapes as references have them, such as "2x3"; None where a value has none.
        wrapped: The wrapped keys, 60 bytes each.
    """

    samples: list[ReferenceFacts]
    kinds: list[int]
    indexes: list[int]
    versions: list[bytes]
    pushed: list[int]
    sizes: list[int]
    shapes: Sequence[str | None]
    wrapped: list[bytes] = field(repr=False)


def load(rows: Sequence[str]) -> WrappedRows | None:
    """Read the JSON of rows.

    Args:
        rows: The rows, as the database holds them. They may hold anything.

    Returns:
        The columns; None if a row is anything else than a result of the same mapped task with a wrapped key. It must be
        in the latest format, and exactly as `Reference.to_json` writes it.
    """
    try:
        texts = [_row.decode(row).exclusive_redis_xcom for row in rows]
        return _columns(texts, [text.split("\n") for text in texts])
    except (msgspec.DecodeError, UnicodeError, InvalidReference):
        return None


def _columns(texts: Sequence[str], lines: Sequence[Sequence[str]]) -> WrappedRows | None:
    if {len(of_one) for of_one in lines} != {_LINES}:
        return None
    abouts, machines, rules = zip(*lines, strict=True)
    path = machines[0].partition(" ")[0].rpartition("/")[0] + "/"
    if path.count("/") != _SLASHES or not all(machine.startswith(path) for machine in machines):
        return None
    if max(map(len, machines)) > reference_v3.MOST_CHARACTERS or max(map(len, abouts)) > MAX_ABOUT + MAX_DOTS:
        return None
    matches = [matched for machine in machines if (matched := _LINE.fullmatch(machine, len(path))) is not None]
    if len(matches) != len(machines) or not "".join(abouts).isprintable():
        return None
    columns = zip(*[matched.groups() for matched in matches], strict=True)
    indexes, versions, pushed, ttls, sizes, types, shapes, key_ids, wrapped = columns
    found_kinds = _kinds(texts, list(zip(ttls, types, key_ids, rules, strict=True)))
    if found_kinds is None:
        return None
    found = WrappedRows(
        *found_kinds,
        list(map(int, indexes)),
        [a2b_base64(version + b"==") for version in _from_url(versions)],
        list(map(int, pushed)),
        list(map(int, sizes)),
        shapes,
        list(map(a2b_base64, _from_url(wrapped))),
    )
    _require_known(found, max(map(int, ttls)))
    return found


def _kinds(texts: Sequence[str], shared: Sequence[tuple[str, ...]]) -> tuple[list[ReferenceFacts], list[int]] | None:
    """Read the first text of each kind, and tell the kind of each text. If there are too many kinds, return None."""
    numbers: dict[tuple[str, ...], int] = {}
    samples: list[ReferenceFacts] = []
    for text, kind in zip(texts, shared, strict=True):
        if kind not in numbers:
            if len(samples) == _MOST_KINDS:
                return None
            numbers[kind] = len(samples)
            samples.append(ReferenceFacts(**wrapped_text.load(text)))
    return samples, [numbers[kind] for kind in shared]


def _require_known(found: WrappedRows, longest_ttl: int) -> None:
    """Refuse numbers that `reference.parse_stored` would refuse."""
    fields.map_index(max(found.indexes), reference_v3.TO)
    fields.size(max(found.sizes), reference_v3.TO)
    reference_v3.times(max(found.pushed), longest_ttl)
    for shape in set(found.shapes):
        if shape is not None:
            fields.lengths(shape.split("x"), reference_v3.TO)


def _from_url(texts: Sequence[str]) -> list[bytes]:
    return " ".join(texts).encode("ascii").translate(FROM_URL).split(b" ")
