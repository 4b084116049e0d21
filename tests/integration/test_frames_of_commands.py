"""No frame of an error holds a password or a key where the command line or the API server fails."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devtools.components import OURS
from devtools.worlds.fresh_process import start_afresh
from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.api_server.watch.middleware import Watch
from exclusive_redis_xcom.cli import main
from exclusive_redis_xcom.crypto import generate_seal_keys
from exclusive_redis_xcom.errors import ConfigurationError, StoreUnavailable
from exclusive_redis_xcom.settings import load_settings
from tests.integration.support import PASSWORD
from tests.secrets_in_frames import secrets_in_frames
from tests.unit.api_server.ringed import CONSUMER, XCOM, Airflow, World
from tests.unit.sealed_reference import DATA_KEY, PRIVATE, sealed_reference

PUBLIC_TEXT, PRIVATE_TEXT = generate_seal_keys()
URL = f"redis://user:{PASSWORD}@127.0.0.1:1"
SECRETS = (PASSWORD, PRIVATE_TEXT, PRIVATE._raw[0], DATA_KEY)


class Closed(io.TextIOBase):
    """An output whose reader has gone."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.fixture(autouse=True)
def configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name, value in {
        "redis_url": URL,
        "retry_deadline": "0",
        "spill_path": f"file://{tmp_path}",
        "seal_private_keys": PRIVATE_TEXT,
    }.items():
        monkeypatch.setenv(f"{OURS}{name.upper()}", value)
    start_afresh()
    yield
    start_afresh()


def caught(action: Callable[[], object], kind: type[BaseException]) -> BaseException:
    with pytest.raises(kind) as found:
        action()
    return found.value


@pytest.mark.parametrize("arguments", [["doctor", "--redis-url", URL], ["gc"], ["keygen"]])
def test_a_command_whose_output_cannot_be_written(arguments: list[str]) -> None:
    def run() -> None:
        with contextlib.redirect_stdout(Closed()), contextlib.redirect_stderr(Closed()):
            main(arguments)

    error = caught(run, BrokenPipeError)

    assert secrets_in_frames(error, *SECRETS, "SEAL_PRIVATE_KEYS=") == []


@pytest.mark.parametrize("command", [["doctor", "--role", PASSWORD], ["gc", "--older-than", PASSWORD]])
def test_a_command_that_is_called_wrongly(command: list[str]) -> None:
    assert secrets_in_frames(caught(lambda: main(command), SystemExit), *SECRETS) == []


def test_a_ring_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OURS}ENFORCEMENT", "server")
    monkeypatch.setenv(f"{OURS}REDIS_URL", f"http://user:{PASSWORD}@host")
    start_afresh()

    error = caught(lambda: Ring(lambda *_: None), ConfigurationError)  # type: ignore[arg-type]

    assert secrets_in_frames(error, *SECRETS) == []


def test_an_application_that_fails_inside_the_ring() -> None:
    world = World(Airflow(sealed_reference().to_json(), raises=LookupError("of Airflow")), seal_private_keys=PRIVATE)

    error = caught(lambda: world.ask("GET", XCOM, CONSUMER), LookupError)

    assert secrets_in_frames(error, *SECRETS, ours_alone=True) == []


def test_an_application_that_fails_inside_the_watch() -> None:
    async def application(*_: Any) -> None:
        raise LookupError("of Airflow")

    watch = Watch(application, settings=load_settings())
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    try:
        error = caught(lambda: asyncio.run(watch(scope, None, None)), LookupError)  # type: ignore[arg-type]
    finally:
        watch._heart.stop()

    assert secrets_in_frames(error, *SECRETS, ours_alone=True) == []


def test_an_api_server_without_redis() -> None:
    store = StoreSource(load_settings())()

    error = caught(store.distrust, StoreUnavailable)

    assert secrets_in_frames(error, *SECRETS) == []
