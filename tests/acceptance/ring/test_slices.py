"""Long answers: the results of a mapped task."""

from __future__ import annotations

from devtools.worlds.api_plan import at
from devtools.worlds.api_world import World
from exclusive_redis_xcom.formats import reference as references
from tests.acceptance.ring.conftest import Asker

MANY = 1000


def test_a_large_slice_is_opened_whole(ask: Asker, world: World) -> None:
    world.push_results(at("parts", "many"), MANY, ["load"])

    answer = ask.xcom("consumer", "GET", at("parts", "many"), route="/slice")

    opened = [references.parse(row) for row in answer.json()]
    assert [one.coordinate.map_index for one in opened] == list(range(MANY))
    assert all(one.seal is not None and one.seal.data_key for one in opened)


def test_a_slice_that_begins_in_the_middle_is_opened_and_no_more(ask: Asker, world: World) -> None:
    """A pull of all results asks for such slices, one after the other."""
    world.push_results(at("parts", "some"), 30, ["load"])

    answer = ask.xcom("consumer", "GET", at("parts", "some"), route="/slice", params={"start": 8, "stop": 18})

    opened = [references.parse(row) for row in answer.json()]
    assert [one.coordinate.map_index for one in opened] == list(range(8, 18))
    assert all(one.seal is not None and one.seal.data_key for one in opened)
