"""Play tasks with the package of one revision, and tell the times. A program; `players.py` starts it.

It runs with that revision's environment and its tree on PYTHONPATH, and uses only what all revisions share: the plugin's
entry point, `ExclusiveRedisXCom`, and `benchmarks.played`, which knows the revision's own module names.
The first line of output tells what the start took. Each later line answers a line of input: `<operation> <times>`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.metadata
import json
import os
import sys
import time
from functools import partial
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any

from benchmarks import played

if TYPE_CHECKING:
    from collections.abc import Callable

VALUE = "x" * 100
MAPPED = 100
#: What a process that forks tasks has imported before it loads plugins.
_BEFORE_PLUGINS = ("airflow.plugins_manager", "airflow.sdk.execution_time.task_runner", "sqlalchemy.orm")


def main(url: str) -> None:
    """Play until the input ends."""
    with _answers() as out:
        start = {"import the plugin": _plugin_ms()}
        with played.played(url) as play:
            start["first push"] = _ms(lambda: play.push("first", VALUE))
            calls = play.calls()
            with play.consumer():
                start["first pull"] = _ms(lambda: play.pull("first"))
            assert play.calls() == calls, "the first pull was not direct"
            operations = _operations(play)
            print(json.dumps(start), file=out, flush=True)
            for line in sys.stdin:
                name, _, times = line.rpartition(" ")
                print(json.dumps(_round(play, operations[name], int(times))), file=out, flush=True)


def _plugin_ms() -> float:
    """Load the plugin as Airflow does, and return how long that took."""
    for name in _BEFORE_PLUGINS:
        importlib.import_module(name)
    (entry,) = importlib.metadata.entry_points(group="airflow.plugins", name="exclusive_redis_xcom")
    took = _ms(entry.load)
    home = os.path.dirname(os.path.dirname(os.path.abspath(played.__file__)))
    source = importlib.import_module("exclusive_redis_xcom").__file__ or ""
    assert source.startswith(home + os.sep), f"{source} is not of the tree {home}"
    return took


def _operations(play: Any) -> dict[str, Callable[[], Any]]:
    """Push what will be pulled, and return the operations by name."""
    from exclusive_redis_xcom import ExclusiveRedisXCom

    play.push("small", VALUE)
    row = SimpleNamespace(value=next(reversed(play.rows.values.values())))
    for index in range(MAPPED):
        play.push("mapped", VALUE, index)
    return {
        "push": partial(play.store_only, "pushed", VALUE),
        "direct pull": partial(play.pull, "small"),
        "direct pull, mapped": partial(play.pull_all, "mapped"),
        "pull by row": partial(ExclusiveRedisXCom.deserialize_value, row),
    }


def _round(play: Any, operation: Callable[[], Any], times: int) -> list[float]:
    """Run an operation so often, and return the times in ms. A push takes on another identity by itself."""
    gc.collect()
    with play.consumer():
        operation()
        return [_ms(operation) for _ in range(times)]


def _ms(operation: Callable[[], Any]) -> float:
    start = time.perf_counter()
    operation()
    return (time.perf_counter() - start) * 1000


@contextlib.contextmanager
def _answers() -> Any:
    """Yield the output for answers; whatever else is printed goes to stderr."""
    out: IO[str] = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with out:
        yield out


if __name__ == "__main__":
    main(sys.argv[1])
