"""All opened references of a slice as one text: the ring's answer to the reader of this package.

A slice of a mapped task's results has hundreds of references. Airflow's client, its supervisor and its task each read
and write every item of an answer. So the answer to the package's own reader has one item in place of many:

    [{"exclusive_redis_xcom": {"opened": "<text>"}}]

The text has blocks of eight lines. The first line is what the references of the block share (`opened_text.py`). The
others have one column each: the map indexes, sizes, shapes, times of the pushes, TTLs, versions and data keys. The
last two are the bytes of all in a row, in base64. Times are in milliseconds. A column of shapes is empty if no value
has one.

Airflow's database never holds this form, and no row may have it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error, a2b_base64
from itertools import groupby
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.formats import opened_text, reference_fields, reference_v3
from exclusive_redis_xcom.formats.block import Block, joined
from exclusive_redis_xcom.formats.opened_text import NO_SHAPE
from exclusive_redis_xcom.formats.seal import DATA_KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.formats.reference_facts import ReferenceFacts
    from exclusive_redis_xcom.formats.wrapped_rows import WrappedRows

#: The key of the text.
OPENED = "opened"

_LINES = 8
_VERSION_BYTES = 16
_SHAPES = re.compile("[0-9x -]*")


def dump(opened: Sequence[tuple[ReferenceFacts, bytes]]) -> str:
    """Return the text for references of format 3, each with its data key. None may be of a task that is not mapped."""
    return "\n".join(
        line
        for shared, block in groupby(opened, lambda one: opened_text.dump_shared(one[0]))
        for line in (shared, *_columns(list(block)))
    )


def dump_rows(rows: WrappedRows, data_keys: Sequence[bytes]) -> str:
    """Return the text for the references of rows that were read in columns, each with its data key."""
    lines: list[str] = []
    start = 0
    for kind, block in groupby(rows.kinds):
        part = slice(start, start := start + sum(1 for _ in block))
        sample = rows.samples[kind]
        lines.append(opened_text.dump_shared(sample))
        lines += _lines(
            rows.indexes[part],
            rows.sizes[part],
            rows.shapes[part],
            rows.pushed[part],
            [reference_v3.ttl_ms(sample)] * (part.stop - part.start),
            b"".join(rows.versions[part]),
            b"".join(data_keys[part]),
        )
    return "\n".join(lines)


def _columns(block: Sequence[tuple[ReferenceFacts, bytes]]) -> Iterator[str]:
    references = [reference for reference, _ in block]
    return _lines(
        [reference.coordinate.map_index for reference in references],
        [reference.size for reference in references],
        [None if reference.shape is None else "x".join(map(str, reference.shape)) for reference in references],
        [reference_v3.pushed_ms(reference) for reference in references],
        [reference_v3.ttl_ms(reference) for reference in references],
        bytes.fromhex("".join([reference.version for reference in references])),
        b"".join([data_key for _, data_key in block]),
    )


def _lines(
    indexes: Sequence[int],
    sizes: Sequence[int],
    shapes: Sequence[str | None],
    pushed: Sequence[int],
    ttls: Sequence[int],
    versions: bytes,
    data_keys: bytes,
) -> Iterator[str]:
    yield _numbers(indexes)
    yield _numbers(sizes)
    yield " ".join([shape or NO_SHAPE for shape in shapes]) if any(shapes) else ""
    yield _numbers(pushed)
    yield _numbers(ttls)
    yield _base64(versions)
    yield _base64(data_keys)


def is_one(value: object) -> bool:
    """Return whether what is below the mark claims to be such a text."""
    return isinstance(value, reference_fields.OBJECT) and value.keys() == {OPENED} and type(value[OPENED]) is str


def load(value: Any) -> list[Block]:
    """Read what is below the mark, and return the references in their order.

    Args:
        value: What `is_one` accepts.

    Raises:
        InvalidReference: The text is not what `dump` returns.
    """
    lines = value[OPENED].split("\n")
    if len(lines) % _LINES:
        raise _malformed()
    return joined([_block(*lines[start : start + _LINES]) for start in range(0, len(lines), _LINES)])


def _block(first: str, *columns: str) -> Block:
    shared = opened_text.load_shared(first)
    indexes = _read_numbers(columns[0], reference_fields.MAX_MAP_INDEX)
    sizes = _read_numbers(columns[1], reference_fields.MAX_SIZE)
    shapes = _read_shapes(columns[2], len(indexes))
    pushed, ttls = _read_numbers(columns[3]), _read_numbers(columns[4])
    versions, keys = _read_base64(columns[5], _VERSION_BYTES), _read_base64(columns[6], DATA_KEY_BYTES)
    if {len(column) for column in (sizes, shapes, pushed, ttls, versions, keys)} != {len(indexes)}:
        raise _malformed()
    reference_v3.require_times(pushed, ttls)
    return Block(
        shared.at,
        indexes,
        versions,
        sizes,
        [(shared.type_name, shape) for shape in shapes],
        pushed,
        ttls,
        shared.consumers,
        shared.rule,
        (shared.key_id, shared.acl),
        keys,
    )


def _numbers(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def _read_numbers(text: str, most: int | None = None) -> list[int]:
    numbers = list(map(int, text.split(" "))) if reference_fields.NUMBERS.fullmatch(text) else []
    if not numbers or (most is not None and max(numbers) > most):
        raise _malformed()
    return numbers


def _read_shapes(text: str, count: int) -> list[tuple[int, ...] | None]:
    if not text:
        return [None] * count
    if not _SHAPES.fullmatch(text):
        raise _malformed()
    return [
        None if shape == NO_SHAPE else reference_fields.lengths(shape.split("x"), "reference")
        for shape in text.split(" ")
    ]


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _read_base64(text: str, each: int) -> list[bytes]:
    """Read a column whose items have so many bytes each."""
    try:
        data = a2b_base64(text)
    except (Error, ValueError):
        raise _malformed() from None
    if len(data) % each or _base64(data) != text:
        raise _malformed()
    return [data[start : start + each] for start in range(0, len(data), each)]


def _malformed() -> Exception:
    return reference_fields.malformed("reference")
