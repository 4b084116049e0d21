"""What a parent loads before it forks tasks is all that their pushes and pulls need, and nothing but code."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from devtools.components import OURS
from devtools.redis_server import RedisServer
from exclusive_redis_xcom.crypto import generate_seal_keys

ROOT = Path(__file__).resolve().parents[2]

#: Whose modules count. Others are loaded by the play around the task.
COUNTED = ("exclusive_redis_xcom", "redis", "hiredis", "ormsgpack", "cryptography", "airflow.sdk.observability")

PRELOAD = """
    import airflow.settings
    from exclusive_redis_xcom.airflow.preloading import preload

    preload()
"""

PLAY = """
    import sys
    from benchmarks.played import played

    with played(sys.argv[1]) as play:
        play.push("small", {"a": 1})
        for index in range(3):
            play.push("mapped", "x", index)
        play.store_only("large", "x" * 100_000)
        with play.consumer():
            assert play.pull("small") == {"a": 1}
            assert play.pull_all("mapped") == ["x"] * 3
"""

SEAL = """
    import sys
    from benchmarks.played import played

    with played(sys.argv[1]) as play:
        assert "seal" in str(play.store_only("sealed", "x"))
"""

NAMES = f"""
    import sys
    print("loaded:", *sorted(name for name in sys.modules if name.startswith({COUNTED})))
"""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with RedisServer() as server:
        yield server.url


@pytest.fixture(scope="module")
def preloaded() -> set[str]:
    return loaded_by(PRELOAD)


def run(*programs: str, arguments: Sequence[str] = (), env: Mapping[str, str] | None = None) -> str:
    """What a fresh process prints."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(map(textwrap.dedent, programs)), *arguments],
        env={**inherited, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def loaded_by(*programs: str, arguments: Sequence[str] = (), env: Mapping[str, str] | None = None) -> set[str]:
    said = run(*programs, NAMES, arguments=arguments, env=env)
    return set(said.partition("loaded:")[2].splitlines()[0].split())


def test_pushes_and_pulls_load_nothing_more(url: str, preloaded: set[str]) -> None:
    played = loaded_by(PLAY, arguments=(url,))

    assert {"redis", "ormsgpack", "exclusive_redis_xcom.task.direct_pull"} <= played
    assert played - preloaded == set()


def test_nor_does_a_push_that_seals(url: str, preloaded: set[str]) -> None:
    public, _ = generate_seal_keys()

    settings = {f"{OURS}ENFORCEMENT": "server", f"{OURS}SEAL_PUBLIC_KEY": public}
    sealed = loaded_by(SEAL, arguments=(url,), env=settings)

    assert "cryptography.hazmat.primitives.ciphers.aead" in sealed
    assert sealed - preloaded == set()


ONLY_CODE = """
    import os, sys, threading
    import airflow.settings
    from exclusive_redis_xcom.settings import load_settings
    import exclusive_redis_xcom.airflow.preloading

    def shared():
        return {os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                if os.path.exists(f"/proc/self/fd/{fd}")}

    before, threads = shared(), set(os.listdir("/proc/self/task"))
    exclusive_redis_xcom.airflow.preloading.preload()
    print("files:", *(shared() - before))
    print("threads:", *(set(os.listdir("/proc/self/task")) - threads))
    from exclusive_redis_xcom.task.access import current_access
    print("settings:", load_settings.cache_info().currsize, current_access.cache_info().currsize)
"""


def test_no_socket_no_thread_and_no_setting_is_made_ahead() -> None:
    """A parent's connection or key would be in all of its tasks. The URL is one that nobody answers."""
    secret = {f"{OURS}REDIS_URL": "redis://:canary@127.0.0.1:1/0", f"{OURS}ENCRYPTION_KEYS": "no key"}

    said = run(ONLY_CODE, env=secret)

    assert "files:\nthreads:\nsettings: 0 0\n" in said
    assert "canary" not in said


TABLE = """
    import sys
    import airflow.settings
    import exclusive_redis_xcom.airflow.preloading
    from benchmarks.played import played

    exclusive_redis_xcom.airflow.preloading.preload()
    import redis
    made = []
    make = redis.Redis.__init__
    redis.Redis.__init__ = lambda self, *args, **kwargs: made.append(self) or make(self, *args, **kwargs)
    with played(sys.argv[1]) as play:
        play.push("small", 1)
        with play.consumer():
            assert play.pull("small") == 1
        print("made:", len(made))
        redis.Redis.__init__ = make
"""


def test_tasks_make_no_table_of_replies_of_their_own(url: str) -> None:
    assert "made: 0\n" in run(TABLE, arguments=(url,))


BROKEN = """
    import gc, sys
    import airflow.settings
    sys.modules["redis"] = None  # as where it cannot be imported
    from exclusive_redis_xcom.airflow.preloading import preload

    preload()
    print("goes on, collects:", gc.isenabled())
"""


def test_what_cannot_be_loaded_is_said_in_one_line_and_stops_nothing() -> None:
    said = run(BROKEN)

    (line,) = [line for line in said.splitlines() if "loaded ahead" in line]
    assert "What XComs need could not be loaded ahead (ModuleNotFoundError). Each task loads it." in line
    assert "Traceback" not in said
    assert "goes on, collects: True" in said
