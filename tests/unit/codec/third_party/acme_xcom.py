"""The plug for `acme`, as the package of a third party would have it. This is the example of docs/values.md."""

from __future__ import annotations

from typing import Any

from acme.linalg import Matrix

from exclusive_redis_xcom.codec import NotCarriedError, register


def encode(matrix: Matrix) -> dict[str, Any]:
    if matrix.unit == "secret":
        raise NotCarriedError("It has a secret unit.", "Push matrix.rows.")
    return {"rows": matrix.rows, "unit": matrix.unit}


def decode(parts: dict[str, Any], version: int) -> Matrix:
    unit = parts["unit"] if version > 1 else "m"
    if unit not in ("m", "s"):
        raise ValueError(f"canary {unit}")
    return Matrix(parts["rows"], unit)


register("acme.matrix", Matrix, encode=encode, decode=decode, version=2)
