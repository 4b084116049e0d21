"""Long answers: the results of a mapped task."""

from __future__ import annotations

from devtools.worlds.api_plan import at
from devtools.worlds.api_world import World
from tests.acceptance.ring.conftest import Asker

MANY = 1000


def test_a_large_slice_is_opened_whole(ask: Asker, world: World) -> None:
    for index in range(MANY):
        world.push(at("parts", "many", map_index=index), ["load"])

    answer = ask.xcom("consumer", "GET", at("parts", "many"), route="/slice")

    assert answer.text.count('"data_key"') == MANY
