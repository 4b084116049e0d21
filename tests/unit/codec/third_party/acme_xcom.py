"""The plug for `acme`, as the package of a third party would have it. docs/reference/values.md shows it."""

from __future__ import annotations

from acme.linalg import Matrix

from exclusive_redis_xcom.codec import NotCarriedError, register


def encode(matrix: Matrix) -> dict[str, object]:
    if matrix.file is not None:
        raise NotCarriedError("Its rows lie in an open file.", "Push matrix.copy().")
    return {"rows": matrix.rows, "unit": matrix.unit}


def decode(parts: dict[str, object], version: int) -> Matrix:
    unit = parts["unit"] if version > 1 else "m"  # version 1 had no units
    if unit not in ("m", "s"):
        raise ValueError("not a unit")
    return Matrix(parts["rows"], unit)


register("acme.matrix", Matrix, encode=encode, decode=decode, version=2)
