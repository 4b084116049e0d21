"""The values that are pushed and pulled. Each process makes them anew, and they are the same every time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

KB, MB = 1_000, 1_000_000


@dataclass(frozen=True)
class Value:
    """`make` makes the value; `rounds` are those of a full and of a quick run; `kind` decides which limits hold."""

    name: str
    kind: str
    make: Callable[[], Any]
    rounds: tuple[int, int]

    @property
    def only_in_full(self) -> bool:
        """Return whether a quick run leaves the value out."""
        return self.rounds[1] == 0


def small() -> str:
    """Return 100 bytes of text."""
    return "x" * 100


def hex_text(size: int) -> Callable[[], str]:
    """Make text of random hexadecimal digits: it compresses to half its size."""
    return lambda: random.Random(1).randbytes(size // 2).hex()


def csv_text(size: int) -> Callable[[], str]:
    """Make text like that of a CSV file, with numbers, names and dates."""

    def make() -> str:
        rng = random.Random(2)
        block = "".join(
            f"{i},customer-{rng.randrange(10**6)},{rng.random() * 1000:.2f},"
            f"2026-0{rng.randint(1, 9)}-1{rng.randint(0, 9)},{rng.choice(('open', 'paid', 'void'))}\n"
            for i in range(25_000)
        )
        return repeated(block, size)

    return make


def log_text(size: int) -> Callable[[], str]:
    """Make text like that of a log, which compresses to a small part."""
    line = "2026-01-01T00:00:00.000Z INFO worker-1 GET /health 200 0.4 ms\n"
    return lambda: repeated(line, size)


def noise(size: int) -> Callable[[], bytes]:
    """Make random bytes."""

    def make() -> bytes:
        rng = random.Random(3)
        pieces = [rng.randbytes(min(10 * MB, size - start)) for start in range(0, size, 10 * MB)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    return make


def repeated(block: str, size: int) -> str:
    """Repeat a block up to a size."""
    return (block * (size // len(block) + 1))[:size]


def records() -> list[dict[str, Any]]:
    """Return 20,000 small dicts."""
    return [
        {"id": i, "name": f"customer-{i}", "amount": i * 1.5, "active": i % 2 == 0, "note": None} for i in range(20_000)
    ]


def frame() -> Any:
    """Return a DataFrame of 300,000 rows and 3 columns of numbers."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(4)
    count = 300_000
    return pd.DataFrame({"id": np.arange(count), "amount": rng.random(count), "score": rng.normal(size=count)})


def frame_with_text() -> Any:
    """Return the same DataFrame with a column of strings instead of one of numbers."""
    found = frame()
    found["score"] = [f"customer-{i % 5000}" for i in range(len(found))]
    return found


SMALL = Value("100 B", "small", small, (150, 40))
LARGE = (
    Value("10 MB string, hex", "text", hex_text(10 * MB), (9, 3)),
    Value("10 MB string, CSV", "text", csv_text(10 * MB), (9, 3)),
    Value("10 MB string, log", "text", log_text(10 * MB), (9, 3)),
    Value("10 MB bytes", "bytes", noise(10 * MB), (9, 3)),
    Value("50 MB string, hex", "text", hex_text(50 * MB), (4, 0)),
    Value("50 MB string, CSV", "text", csv_text(50 * MB), (4, 2)),
    Value("50 MB string, log", "text", log_text(50 * MB), (4, 0)),
    Value("50 MB bytes", "bytes", noise(50 * MB), (4, 0)),
    Value("20,000 small dicts", "records", records, (7, 3)),
    Value("DataFrame 300k x 3, numbers", "frame", frame, (9, 3)),
    Value("DataFrame 300k x 3, one of strings", "frame", frame_with_text, (7, 3)),
)
BY_NAME = {value.name: value for value in (SMALL, *LARGE)}
