"""Check the nesting of geometries in Well-Known Binary before GEOS reads them.

GEOS reads a collection in a collection by recursion. So bytes that anyone may have written could exhaust the C stack.
The standard: https://www.ogc.org/standards/sfa/
"""

from __future__ import annotations

import struct

#: Geometries within geometries. GEOS bears 10,000 on the usual stack of 8 MB.
MOST_LEVELS = 500

_HEAD = 5  # bytes: byte order and type
_COUNT = 4
_SMALLEST = _HEAD + _COUNT  # of a geometry that holds another one
_NUMBER = 8
_BIG_ENDIAN, _LITTLE_ENDIAN = 0, 1
_POINT, _LINE, _POLYGON, _MULTI_POINT, _COLLECTION = 1, 2, 3, 4, 7
_HAS_Z, _HAS_M, _HAS_SRID = 0x80000000, 0x40000000, 0x20000000
_FLAGS = _HAS_Z | _HAS_M | _HAS_SRID


def require_shallow(data: memoryview) -> None:
    """Check one geometry. Raises ValueError, or struct.error, for one that nests too deeply or is not whole."""
    if len(data) <= _SMALLEST * MOST_LEVELS:
        return  # These bytes cannot nest more deeply.
    position = 0
    left = [1]  # geometries that are still to come, by level
    while left:
        if not left[-1]:
            left.pop()
            continue
        left[-1] -= 1
        inner, position = _skip(data, position)
        if inner:
            left.append(inner)
        if len(left) > MOST_LEVELS:
            raise ValueError("geometries nested too deeply")
    if position != len(data):
        raise ValueError("bytes after the geometry")


def _skip(data: memoryview, start: int) -> tuple[int, int]:
    """Skip the head of a geometry, and its points. Return the number of geometries in it, and the next position."""
    if data[start] not in (_BIG_ENDIAN, _LITTLE_ENDIAN):
        raise ValueError("not a byte order")
    order = ">" if data[start] == _BIG_ENDIAN else "<"
    (code,) = struct.unpack_from(f"{order}I", data, start + 1)
    position = start + _HEAD + (4 if code & _HAS_SRID else 0)
    kind = code & ~_FLAGS
    if kind not in range(_POINT, _COLLECTION + 1):
        raise ValueError("not a geometry that is carried")
    size_of_point = _NUMBER * (2 + bool(code & _HAS_Z) + bool(code & _HAS_M))
    if kind == _POINT:
        return 0, position + size_of_point
    (count,) = struct.unpack_from(f"{order}I", data, position)
    position += _COUNT
    if kind == _LINE:
        return 0, position + count * size_of_point
    if kind == _POLYGON:
        for _ in range(count):
            (points,) = struct.unpack_from(f"{order}I", data, position)
            position += _COUNT + points * size_of_point
        return 0, position
    return count, position
