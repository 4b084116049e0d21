"""Play tasks with the package of one revision, and tell the times. A program; `players.py` starts it.

It runs with that revision's environment, and with its tree on PYTHONPATH. It uses only what all revisions share: the
plugin's entry point, `ExclusiveRedisXCom`, and `benchmarks.played`, which knows the module names of its own revision.
The first line of output has the times of the start. Each later line answers a line of input: `<operation> <times>`.
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
import traceback
from functools import partial
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any

from benchmarks import played, values

if TYPE_CHECKING:
    from collections.abc import Callable

VALUE = values.small()
MAPPED = 100
FORKS = 8
#: What a direct pull needs, where no parent has loaded anything.
_OF_A_PULL = ("exclusive_redis_xcom.airflow.backend", "exclusive_redis_xcom.connection.opener")
#: What a process that forks tasks has imported before it loads plugins.
_BEFORE_PLUGINS = ("airflow.plugins_manager", "airflow.sdk.execution_time.task_runner", "sqlalchemy.orm")


def main(url: str) -> None:
    """Play until the input ends."""
    with answers() as out:
        # Without it, the plugin is empty. With it, Airflow's own imports look up the backend's class.
        os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "exclusive_redis_xcom.ExclusiveRedisXCom"
        for name in _BEFORE_PLUGINS:
            importlib.import_module(name)
        start = {
            "import of redis-py, processor time": _in_forks(lambda: _load("redis")),
            "import of what a pull needs, processor time": _in_forks(lambda: _load(*_OF_A_PULL)),
            "import of the plugin, processor time": _in_forks(_load_plugin),
        }
        _load_plugin()
        _load_ahead()
        with played.played(url) as play:
            start["first push and pull after a fork, processor time"] = _in_forks(lambda: _first_task(play))
            operations = _operations(play)
            gc.collect()
            gc.freeze()  # or each round would spend most of its time on Airflow's objects
            print(json.dumps(start), file=out, flush=True)
            for line in sys.stdin:
                name, _, times = line.rpartition(" ")
                print(json.dumps(_round(play, operations[name], int(times))), file=out, flush=True)


def _load(*names: str) -> None:
    """Import modules in a process that has not loaded the plugin."""
    for name in names:
        importlib.import_module(name)


def _load_plugin() -> None:
    """Load the plugin as Airflow does."""
    (entry,) = importlib.metadata.entry_points(group="airflow.plugins", name="exclusive_redis_xcom")
    entry.load()
    home = os.path.dirname(os.path.dirname(os.path.abspath(played.__file__)))
    source = importlib.import_module("exclusive_redis_xcom").__file__ or ""
    assert source.startswith(home + os.sep), f"{source} is not of the tree {home}"


def _load_ahead() -> None:
    """Load what a process that forks tasks loads for them. In older builds, the plugin does it."""
    with contextlib.suppress(ModuleNotFoundError):
        importlib.import_module("exclusive_redis_xcom.airflow.preloading").preload()


def _first_task(play: Any) -> None:
    """Do what a task does first, with connections of its own."""
    play.after_fork()
    play.push("first", VALUE)
    calls = play.calls()
    with play.consumer():
        assert play.pull("first") == VALUE
    assert play.calls() == calls, "the pull was not direct"


def _in_forks(operation: Callable[[], Any]) -> list[float]:
    """Run an operation in forks of this process, one after the other, and return their processor times in ms.

    The system often pauses what runs for so long; so the clock on the wall would tell about other processes.
    """
    found = []
    gc.collect()  # or a collection of all of Airflow's objects falls into the times of one tree, and not of the other
    for _ in range(FORKS):
        ours, theirs = os.pipe()
        if not os.fork():
            try:
                os.write(theirs, str(_ms(operation, time.process_time)).encode())
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        os.close(theirs)
        with open(ours) as pipe:
            found.append(float(pipe.read()))
        os.wait()
    return found


def _operations(play: Any) -> dict[str, Callable[[], Any]]:
    """Push what will be pulled, and return the operations by name."""
    from exclusive_redis_xcom import ExclusiveRedisXCom

    play.push("small", VALUE)
    row = SimpleNamespace(value=next(reversed(play.rows.values.values())))
    for index in range(MAPPED):
        play.push("mapped", VALUE, index)
    dicts = values.records()
    return {
        "push of dicts": partial(play.store_only, "dicts", dicts),
        "push": partial(play.store_only, "pushed", VALUE),
        "direct pull": partial(play.pull, "small"),
        "direct pull, mapped": partial(play.pull_all, "mapped"),
        "pull by row": partial(ExclusiveRedisXCom.deserialize_value, row),
    }


def _round(play: Any, operation: Callable[[], Any], times: int) -> list[float]:
    """Run an operation so often, as the consumer; return the times in ms. A push changes to the producer by itself."""
    gc.collect()
    with play.consumer():
        operation()
        return [_ms(operation) for _ in range(times)]


def _ms(operation: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    start = clock()
    operation()
    return (clock() - start) * 1000


@contextlib.contextmanager
def answers() -> Any:
    """Yield the output for answers; whatever else is printed goes to stderr."""
    out: IO[str] = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with out:
        yield out


if __name__ == "__main__":
    main(sys.argv[1])
