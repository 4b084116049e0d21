"""Pull with the package of one revision from a Redis that is far away. A program; `benchmarks/far.py` starts it.

It runs with that revision's environment, and with its tree on PYTHONPATH. Everything is pushed to the Redis as it is
near; pulls go through a proxy. Each line of input is `<direct_pulls> <fork or same> <operation>`. A fork pulls for the
first time. The answer has the time in ms and the number of messages to Airflow.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from contextlib import redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks import played, values

if TYPE_CHECKING:
    from collections.abc import Callable

MAPPED = 300
_SETTINGS = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__"


def main(near: str, far: str) -> None:
    """Pull until the input ends."""
    os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "exclusive_redis_xcom.ExclusiveRedisXCom"
    with redirect_stdout(sys.stderr), played.played(near) as play:
        play.push("small", values.small())
        for index in range(MAPPED):
            play.push("mapped", values.small(), index)
        operations = {"small": partial(play.pull, "small"), "mapped": partial(play.pull_all, "mapped")}
        _answer("ready")
        asked = ""
        for line in sys.stdin:
            direct, where, name = line.split()
            if direct != asked:
                _settle(play, {"REDIS_URL": far, "DIRECT_PULLS": direct})
                asked = direct
            pull = partial(_pull, play, operations[name])
            _answer(_in_fork(play, pull) if where == "fork" else pull())


def _answer(found: Any) -> None:
    print(json.dumps(found), file=sys.__stdout__, flush=True)


def _settle(play: Any, settings: dict[str, str]) -> None:
    """Change settings, as a new process would have them."""
    from exclusive_redis_xcom.settings import load_settings

    os.environ.update({f"{_SETTINGS}{name}": text for name, text in settings.items()})
    load_settings.cache_clear()
    play.after_fork()


def _pull(play: Any, operation: Callable[[], Any]) -> dict[str, float]:
    gc.collect()
    with play.consumer():
        calls, start = play.calls(), time.perf_counter()
        found = operation()
        ms = (time.perf_counter() - start) * 1000
        assert found in (values.small(), [values.small()] * MAPPED)
        return {"ms": ms, "calls": play.calls() - calls}


def _in_fork(play: Any, pull: Callable[[], Any]) -> Any:
    ours, theirs = os.pipe()
    if not os.fork():
        try:
            play.after_fork()
            os.write(theirs, json.dumps(pull()).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(theirs)
    with open(ours) as pipe:
        found = json.loads(pipe.read())
    os.wait()
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
