"""The bar chart: proportions, and what can still be seen."""

from __future__ import annotations

from exclusive_redis_xcom.formats.observed import Day
from exclusive_redis_xcom.pages.overview.chart import DAYS, Bar, chart

TODAY = 20_787  # 2026-11-30


def last(*days: Day) -> Bar:
    return chart(days, TODAY).bars[-1]


def test_there_is_a_bar_for_each_day_until_today() -> None:
    bars = chart([], TODAY).bars

    assert [bar.date for bar in bars][:: DAYS - 1] == ["2026-11-17", "2026-11-30"]
    assert [bar.label for bar in bars][-2:] == ["11-29", "11-30"]
    assert {(bar.total, bar.refused_height, bar.would_height) for bar in bars} == {(0, 0, 0)}


def test_days_of_several_dags_are_summed_and_older_ones_left_out() -> None:
    drawn = chart([Day(TODAY, 1, 2), Day(TODAY, 3, 0), Day(TODAY - DAYS, 50, 50), Day(TODAY + 1, 9, 9)], TODAY)

    assert (drawn.refused, drawn.would_refuse) == (4, 2)
    assert (drawn.bars[-1].refused, drawn.bars[-1].would_refuse) == (4, 2)


def test_heights_are_in_proportion_and_bars_stand_on_each_other() -> None:
    drawn = chart([Day(TODAY, 50, 50), Day(TODAY - 1, 25, 0)], TODAY)
    yesterday, today = drawn.bars[-2:]

    assert today.refused_height == today.would_height == 2 * yesterday.refused_height
    assert today.refused_top + today.refused_height == drawn.base
    assert today.would_top + today.would_height == today.refused_top
    assert today.would_top >= 20


def test_one_among_a_million_is_seen() -> None:
    drawn = chart([Day(TODAY, 999_999_999, 0), Day(TODAY - 1, 0, 1)], TODAY)

    assert drawn.bars[-2].would_height == 2
    assert min(bar.would_top for bar in drawn.bars) >= 10


def test_numbers_above_bars_are_short() -> None:
    numbers = [last(Day(TODAY, number, 0)).number for number in (1, 9_999, 10_000, 1_234_567, 99_999_999_999)]

    assert numbers == ["1", "9999", "10k", "1M", "99G"]
