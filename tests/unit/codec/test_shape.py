"""The shape of a value, for people."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from exclusive_redis_xcom.codec.shape import shape_of


class Point(NamedTuple):
    x: int
    y: int


class Square:
    """Something with a shape of another sense."""

    @property
    def shape(self) -> Any:
        raise AssertionError("asked")

    def __len__(self) -> int:
        raise AssertionError("asked")


class Broken(pd.DataFrame):
    @property
    def shape(self) -> Any:
        raise RuntimeError("no shape")


class Huge(np.ndarray):
    shape = (2**63,)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ([1, 2], (2,)),
        ((), (0,)),
        ({"a": 1}, (1,)),
        ({1, 2, 3}, (3,)),
        (deque([1]), (1,)),
        (Counter("aab"), (2,)),
        ("text", None),
        (b"bytes", None),
        (7, None),
        (None, None),
        (Point(1, 2), None),
        (Square(), None),
        (iter([1]), None),
        (np.zeros((2, 3)), (2, 3)),
        (np.float64(1), None),
        (np.array(1), None),
        (pd.DataFrame({"a": [1, 2, 3], "b": 0}), (3, 2)),
        (pd.Series([1, 2]), (2,)),
        (pd.Index([1]), (1,)),
        (Broken({"a": [1]}), None),
        (np.zeros(2).view(Huge), None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_shape(value: Any, shape: tuple[int, ...] | None) -> None:
    assert shape_of(value) == shape


def test_tables() -> None:
    pa = pytest.importorskip("pyarrow")
    pl = pytest.importorskip("polars")

    assert shape_of(pa.table({"a": [1, 2, 3]})) == (3, 1)
    assert shape_of(pl.DataFrame({"a": [1, 2]})) == (2, 1)
    assert shape_of(pl.LazyFrame({"a": [1, 2]})) is None
