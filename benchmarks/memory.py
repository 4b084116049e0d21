"""Measure the section `memory`: the peak of a push and of a pull, in multiples of the encoded value's size.

Each push and pull has a fork of its own and uses a real Redis. A small value of the same kind comes first, so that
imports do not count. The peak is VmHWM, which is reset before. The peak includes the value itself.
"""

from __future__ import annotations

import gc
import multiprocessing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.played import Played, played
from benchmarks.values import MB, csv_text, hex_text, log_text, noise

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5)
_KEY, _SMALL_KEY = "large", "small"


@dataclass(frozen=True)
class Case:
    """A kind of value: `make` takes a size in bytes and returns a function that makes a value."""

    name: str
    make: Callable[[int], Callable[[], Any]]
    size: int


def numbers(size: int) -> Callable[[], Any]:
    """Make a DataFrame of numbers, with 24 bytes in each row."""

    def make() -> Any:
        import numpy as np
        import pandas as pd

        return pd.DataFrame({name: np.random.default_rng(5).random(size // 24) for name in "abc"})

    return make


def array(size: int) -> Callable[[], Any]:
    """Make a numpy array of floats."""

    def make() -> Any:
        import numpy as np

        return np.random.default_rng(6).random(size // 8)

    return make


def strings(size: int) -> Callable[[], Any]:
    """Make a DataFrame with a column of strings."""

    def make() -> Any:
        import numpy as np
        import pandas as pd

        count = size // 28
        return pd.DataFrame({"id": np.arange(count), "name": pd.Series(np.arange(count) + 10**11).astype(str)})

    return make


CASES = (
    Case("50 MB string, hex", hex_text, 50 * MB),
    Case("50 MB string, CSV", csv_text, 50 * MB),
    Case("50 MB string, log", log_text, 50 * MB),
    Case("100 MB bytes", noise, 100 * MB),
    Case("72 MB DataFrame, numbers", numbers, 72 * MB),
    Case("60 MB DataFrame, one column of strings", strings, 60 * MB),
    Case("80 MB numpy array", array, 80 * MB),
)


def measure(url: str, *, quick: bool) -> dict[str, Any]:
    """Measure all cases; return the section."""
    cases = CASES[1::2] if quick else CASES
    with played(url) as play:
        for case in cases:
            play.push(f"warm {_KEY}", case.make(MB)())  # the encoder's imports come before the forks
        return {"entries": [entry for case in cases for entry in _of_case(play, case)]}


def _of_case(play: Played, case: Case) -> list[dict[str, Any]]:
    pushed = _in_fork(_push, play, case)
    play.rows.values.update(pushed["rows"])
    pulled = _in_fork(_pull, play, case)
    common = {"value": case.name, "size": pushed["size"]}
    return [
        {**common, "operation": "push", "peak": pushed["peak"], "direct": False},
        {**common, "operation": "pull", **pulled},
    ]


def encoded_size(value: Any) -> int:
    """Return how many bytes a value takes when it is encoded and not compressed."""
    from exclusive_redis_xcom import codec

    return codec.encode(value, compression="off", max_bytes=2**31).decoded_size


def _push(play: Played, case: Case) -> dict[str, Any]:
    play.push(_SMALL_KEY, case.make(MB)())
    before = _start()
    value = case.make(case.size)()
    _start()  # the peak of making the value does not count
    play.push(_KEY, value)
    return {"peak": _peak() - before, "size": encoded_size(value), "rows": play.rows.values}


def _pull(play: Played, case: Case) -> dict[str, Any]:
    with play.consumer():
        assert play.pull(_SMALL_KEY) is not None
        before, calls = _start(), play.calls()
        value = play.pull(_KEY)
        peak = _peak() - before
        assert type(value) is type(case.make(MB)())
        return {"peak": peak, "direct": play.calls() == calls}


def _start() -> int:
    """Reset the peak, and return the memory that this process uses now."""
    gc.collect()
    _CLEAR.write_text(_RESET_PEAK)
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _status(name: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def _in_fork(work: Callable[[Played, Case], dict[str, Any]], play: Played, case: Case) -> dict[str, Any]:
    """Run some work in a fork of this process, and return its result. This process itself never has a large value."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs, work, play, case))
    process.start()
    theirs.close()
    try:
        answer: dict[str, Any] = ours.recv()
    except EOFError:
        raise RuntimeError(f"{case.name}: the process that measures ended without an answer") from None
    process.join()
    return answer


def _answer(pipe: Connection, work: Callable[[Played, Case], dict[str, Any]], play: Played, case: Case) -> None:
    play.after_fork()
    pipe.send(work(play, case))
