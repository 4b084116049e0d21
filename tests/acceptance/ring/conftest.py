"""One API server with the ring for all tests here; a few start another one on the same database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.api_caller import Caller
from devtools.worlds.api_world import World, open_world
from exclusive_redis_xcom.model import Coordinate

HEADER = "exclusive-xcom-ring"


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[World]:
    env = {f"{OURS}UI_REVEAL": "all"}
    with open_world(tmp_path_factory.mktemp("airflow"), redis_server.url, env=env) as opened:
        yield opened


class Asker:
    """Asks one server, and does not believe an answer that lacks the ring's proof."""

    def __init__(self, caller: Caller, key_ids: tuple[str, ...]) -> None:
        self.caller = caller
        self._proof = f"1; keys={','.join(key_ids)}"

    def call(self, caller: str | None, method: str, path: str, **kwargs: Any) -> httpx.Response:
        return self._proven(self.caller.call(caller, method, path, **kwargs))

    def xcom(self, caller: str | None, method: str, at: Coordinate, **kwargs: Any) -> httpx.Response:
        return self._proven(self.caller.xcom(caller, method, at, **kwargs))

    def _proven(self, answer: httpx.Response) -> httpx.Response:
        assert answer.headers.get_list(HEADER) == [self._proof], f"{answer.status_code}: {answer.text}"
        return answer


@pytest.fixture(scope="package")
def ask(world: World) -> Asker:
    return Asker(world.caller, (world.keys.id, world.older_keys.id))
