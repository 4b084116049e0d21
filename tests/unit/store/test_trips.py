"""What is asked for in one round trip."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.store.reading import trips

MIB = 2**20
SIZES = st.lists(st.sampled_from([0, 1, 300, MIB, 3 * MIB, 8 * MIB, 9 * MIB]), max_size=40)


@given(SIZES, st.integers(0, 700))
def test_each_value_is_asked_for_once_in_order_and_a_round_trip_is_bounded(sizes: list[int], small: int) -> None:
    sizes = [*sizes, *[100] * small, *sizes]
    found = list(trips(sizes))

    ranges = [part for trip in found for part in trip]
    assert [i for start, end in ranges for i in range(start, end)] == list(range(len(sizes)))
    assert all(0 < end - start <= 256 for start, end in ranges)
    for trip in found:
        first, last = trip[0][0], trip[-1][1]
        assert sum(sizes[first:last]) <= 8 * MIB or last - first == 1


@given(SIZES)
def test_a_round_trip_ends_only_where_the_next_value_would_exceed_it(sizes: list[int]) -> None:
    found = list(trips(sizes))

    for trip, following in itertools.pairwise(found):
        assert sum(sizes[trip[0][0] : following[0][0] + 1]) > 8 * MIB


def test_where_the_sizes_are_unknown_a_round_trip_has_one_command() -> None:
    assert list(trips([0] * 600, sizes_known=False)) == [[(0, 256)], [(256, 512)], [(512, 600)]]
    assert list(trips([0] * 600)) == [[(0, 256), (256, 512), (512, 600)]]
    assert list(trips([])) == []
