"""The bench's own arithmetic and drawing, from given figures. Nothing here takes the time of anything."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import chart, cold, figures, limits, load, report, table, words
from benchmarks.figures import Row, Spans
from benchmarks.timing import Measured, in_turn, rotated

SVG = "{http://www.w3.org/2000/svg}"


def spans(median: float, **facts: Any) -> Spans:
    return Spans(median, median * 2, 10, **facts)


def row(operation: str, value: str, **medians: float) -> Row:
    return Row(operation, value, {name: spans(median) for name, median in medians.items()})


def verdicts(checks: list[limits.Check]) -> dict[str, str]:
    return {f"{check.what} <= {check.rule}": check.verdict for check in checks}


class TestMeasuringInTurn:
    def test_each_round_begins_with_another_contender(self) -> None:
        assert [list(rotated("abc", turn)) for turn in range(3)] == [list("abc"), list("bca"), list("cab")]

    def test_every_operation_is_run_in_every_round_and_warm_up_does_not_count(self) -> None:
        run: list[str] = []
        operations = {name: lambda name=name: run.append(name) for name in "ab"}

        measured = in_turn(operations, 4, warm_up=2)

        assert sorted(run) == ["a"] * 6 + ["b"] * 6
        assert {name: len(found.ms) for name, found in measured.items()} == {"a": 4, "b": 4}

    def test_calls_are_counted_for_the_operation_that_made_them(self) -> None:
        counter = itertools.count()
        made = [0]

        def call() -> None:
            made[0] = next(counter) + 1

        measured = in_turn({"calls": call, "does not": int}, 3, calls=lambda: made[0])

        assert measured["calls"].calls == [1, 1, 1]
        assert measured["does not"].calls == [0, 0, 0]


class TestFigures:
    def test_the_p99_of_a_hundred_is_the_last_but_one_and_of_a_few_the_slowest(self) -> None:
        assert figures.percentile(list(range(1, 101)), 99) == 99
        assert figures.percentile([3.0, 1.0, 2.0], 99) == 3.0

    def test_spans_have_the_median_and_the_mean_number_of_calls(self) -> None:
        assert Spans.of(Measured([3.0, 1.0, 2.0], [1, 0, 0])) == Spans(2.0, 3.0, 3, pytest.approx(1 / 3))  # type: ignore[arg-type]

    def test_rows_come_back_from_the_file_as_they_went(self, tmp_path: Path) -> None:
        found = Row("push", "100 B", {"ours": spans(1.5, calls=1.0)}, {"object": "TypeError"}, size=100, sent=90)

        figures.save(tmp_path, "worker", {"rows": figures.as_entries([found])}, quick=False)

        content = figures.load(tmp_path, "worker")
        assert figures.rows(content) == [found]
        assert content is not None
        assert content["quick"] is False

    def test_figures_of_another_format_are_none(self, tmp_path: Path) -> None:
        (tmp_path / "worker.json").write_text('{"format": 0, "rows": []}')

        assert figures.load(tmp_path, "worker") is None
        assert figures.load(tmp_path, "cold") is None


class TestRatios:
    @pytest.mark.parametrize(
        ("found", "other", "shown"),
        [(1, 45, "1/45"), (1, 2, "1/2.0"), (1, 9.4, "1/9.4"), (1.07, 1, "1.07"), (30.4, 1, "30"), (9, 10, "0.90")],
    )
    def test_they_are_read_at_a_glance(self, found: float, other: float, shown: str) -> None:
        assert table.ratio(found, other) == shown

    def test_there_is_none_where_a_figure_is_missing(self) -> None:
        assert table.ratio(None, 1) == table.ratio(1, None) == ""


class TestTables:
    WORKER = (
        Row(
            "push",
            "10 MB string",
            {"default": spans(300), "ours": spans(30, calls=1.0), "floor": spans(10)},
            {"object": "TypeError"},
            size=10_000_000,
            sent=2_500_000,
        ),
    )

    def test_a_line_has_all_contenders_and_their_ratios(self) -> None:
        head, line = table.side_by_side(self.WORKER, [row("push", "10 MB string", ours=60, default=300)])
        cells = dict(zip(head, line, strict=True))

        assert cells.pop("ms, median") == "push 10 MB string (sent as 2.5 MB)"
        assert cells == {
            "API call": "",
            "default": "300",
            "object storage": "n/a",
            "worker": "30",
            "server": "60",
            "floor": "10",
            "worker : default": "1/10",
            "worker : floor": "3.00",
            "server : its default": "1/5.0",
            "worker's API calls": "1",
        }

    def test_text_is_aligned_and_markdown_is_a_table(self) -> None:
        cells = [["name", "ms"], ["push", "1.50"]]

        assert table.as_text(cells) == "name    ms\npush  1.50"
        assert table.as_markdown(cells) == "| name | ms |\n| --- | ---: |\n| push | 1.50 |"


class TestLimits:
    def test_small_values_are_held_to_the_api_call_of_the_same_task(self) -> None:
        found = limits.of_side_by_side(
            [row("push", "100 B", api=10, ours=11.1), row("pull", "100 B", api=9, ours=0.29)]
        )

        assert verdicts(found) == {
            "push 100 B <= 1.10 x API call": "EXCEEDED",
            "pull 100 B <= 1/30 of API call": "ok",
        }

    def test_large_strings_are_held_to_floor_plus_call_and_to_object_storage(self) -> None:
        found = limits.of_side_by_side(
            [
                row("push", "100 B", api=10, ours=10),
                row("pull", "100 B", api=9, ours=0.1),
                row("push", "10 MB string, CSV", ours=24, object=20, floor=10),
                row("pull", "10 MB string, CSV", ours=24, object=20, floor=10),
            ]
        )

        assert {name: verdict for name, verdict in verdicts(found).items() if "10 MB" in name} == {
            "push 10 MB string, CSV <= 1.3 x floor + API call": "EXCEEDED",
            "push 10 MB string, CSV <= object storage": "EXCEEDED",
            "pull 10 MB string, CSV <= 1.3 x floor + API call": "EXCEEDED",
        }
        assert [check.limit for check in found if check.rule.startswith("1.3")] == [
            pytest.approx(23),
            pytest.approx(22),
        ]

    def test_records_and_frames_are_held_to_the_default_backend(self) -> None:
        frame = "DataFrame 300k x 3, numbers"
        found = limits.of_side_by_side(
            [
                row("push", "20,000 small dicts", default=300, ours=10),
                row("push", frame, default=300, ours=61),
                row("pull", frame, default=300, ours=11),
            ]
        )

        assert verdicts(found) == {
            "push 20,000 small dicts <= 1/30 of default": "ok",
            f"push {frame} <= 1/5 of default": "EXCEEDED",
            f"pull {frame} <= 1/25 of default": "ok",
        }

    def test_a_thousand_results_are_held_to_30_ms_and_fewer_are_not(self) -> None:
        found = limits.of_side_by_side(
            [row("pull all", "1,000 mapped results", ours=31), row("pull all", "200 mapped results", ours=31)]
        )

        assert verdicts(found) == {"pull all 1,000 mapped results <= 30 ms": "EXCEEDED"}

    def test_cold_start_is_held_to_the_default(self) -> None:
        def held(ratio: float) -> list[str]:
            return list(verdicts(limits.of_cold_start({"worker": {"all": {"ratio": ratio}}})).values())

        assert (held(1.04), held(1.06)) == (["ok"], ["EXCEEDED"])
        assert limits.of_cold_start({}) == []

    def test_memory_is_held_to_a_multiple_of_the_encoded_size(self) -> None:
        entry = {"value": "50 MB string", "operation": "pull", "size": 50, "peak": 111}

        assert [check.verdict for check in limits.of_memory([entry])] == ["EXCEEDED"]

    def test_growth_may_not_get_dearer_per_item_than_the_cheapest_step_before(self) -> None:
        flat = [{"label": str(n), "per_item": cost} for n, cost in ((1, 9.0), (10, 2.0), (100, 2.5))]
        rising = [*flat, {"label": "1000", "per_item": 2.7}]

        found = limits.of_growth({"a pull, per item, ms": flat, "a push, per item, us": rising})

        assert verdicts(found) == {
            "a pull, per item at 100 <= 1.3 x the cheapest before": "ok",
            "a push, per item at 1000 <= 1.3 x the cheapest before": "EXCEEDED",
        }
        assert [check.unit for check in found] == ["ms", "us"]


class TestChart:
    LINES = (
        chart.Line("pull 100 B", {"default": 14.0, "ours": 0.2, "floor": 0.15}),
        chart.Line("push <large> & more", {"default": 1400.0, "ours": 300.0}),
    )

    def test_it_is_well_formed_and_has_a_dot_for_each_figure_besides_the_legend(self) -> None:
        drawn = ElementTree.fromstring(chart.svg(self.LINES))  # noqa: S314 - drawn here

        assert len(drawn.findall(f"{SVG}circle")) == len(chart.LEGEND) + 5
        assert "push <large> & more" in [text.text for text in drawn.findall(f"{SVG}text")]

    def test_times_are_placed_by_their_logarithm_within_the_picture(self) -> None:
        scale = chart.Scale.over([0.15, 1400])

        assert (scale.low, scale.high) == (-1, 4)
        assert scale.x(10) - scale.x(1) == pytest.approx(scale.x(100) - scale.x(10))

    def test_worker_server_and_cold_start_share_the_lines(self) -> None:
        found = chart.lines(
            [row("push", "100 B", default=9, ours=10, api=9)], [row("push", "100 B", ours=12)], {"default": 100.0}
        )

        assert found == [
            chart.Line("push 100 B", {"default": 9, "ours": 10, "server": 12}),
            chart.Line("fork to user code, one argument", {"default": 100.0}),
        ]


class TestSummaries:
    def test_phases_of_the_cold_start_add_up(self) -> None:
        stamps = {"forked": 0, "parsing": 50_000_000, "parsed": 80_000_000, "rendered": 95_000_000, "user": 97_000_000}

        found = cold.summary([stamps, stamps])

        medians = {phase: span["median"] for phase, span in found.items()}
        whole = medians.pop("all")
        assert whole == 97 == sum(medians.values())

    def test_backends_are_compared_within_a_round_so_that_a_machine_that_slows_down_does_not_count(self) -> None:
        rounds = [
            {"default": {"all": 100.0 * slow}, "worker": {"all": 102.0 * slow}, "server": {"all": 150.0}}
            for slow in (1.0, 1.5, 3.0)
        ]

        found = cold.compared(rounds, "worker")["all"]

        assert found == {
            "ratio": pytest.approx(1.02),
            "low": pytest.approx(1.02),
            "high": pytest.approx(1.02),
            "more": pytest.approx(3.0),
        }
        assert cold.compared(rounds, "server")["all"]["ratio"] == 1.0
        assert cold.compared(rounds[:1], "server")["all"]["high"] == 1.5

    def test_each_round_has_all_variants_in_an_order_of_its_own_and_default_and_worker_side_by_side(self) -> None:
        orders = [[variant.name for variant in cold.in_order(cold.VARIANTS, number)] for number in range(5)]

        assert {tuple(sorted(order)) for order in orders} == {tuple(sorted(variant.name for variant in cold.VARIANTS))}
        assert len({tuple(order) for order in orders}) == 5
        apart = [abs(order.index("default") - order.index("worker")) for order in orders]
        assert sorted(apart) == [1, 1, 1, 1, 4]

    def test_a_line_of_the_cold_start_says_what_the_rounds_say(self) -> None:
        spans = {"all": {"median": 100.0, "least": 90.0, "most": 120.0, "n": 30}}
        ours = {"all": {"ratio": 1.031, "low": 1.0, "high": 1.069, "more": 3.2}}
        ours["processor time"] = {"ratio": 1.1, "low": 1.07, "high": 1.14, "more": 6.0}
        section = {"phases": {"default": spans, "worker": spans}, "to_default": {"default": ours, "worker": ours}}

        default, worker = table.cold_start(section)[1:]

        assert default[-3:] == ["", "", ""]
        assert worker[-3:] == ["+3.20", "1.03 (1.00 - 1.07)", "1.10 (1.07 - 1.14)"]

    def test_the_bare_call_is_compared_by_round_too(self) -> None:
        ours = {call: {"ratio": 1.05, "low": 1.01, "high": 1.1, "more": 0.5} for call in ("push", "pull")}
        bare = {"default": {"push": 9.0, "pull": 8.0}, "worker": {"push": 9.5, "pull": 8.5}}

        found = words.bare_table({"bare": bare, "bare_to_default": {"worker": ours}})

        assert found[1:] == [
            ["without this package", "9.00", "8.00", "", ""],
            ["worker", "9.50", "8.50", "+0.50, 1.05 (1.01 - 1.10)", "+0.50, 1.05 (1.01 - 1.10)"],
        ]

    def test_load_tells_operations_a_second_and_the_use_of_redis_thread(self) -> None:
        found = load.summary([{"push": [2.0], "pull": [1.0, 1.0]}, {"push": [4.0], "pull": [3.0, 1.0]}], 2.0, [0.5])

        assert (found["operations"], found["per_second"], found["redis_busy"]) == (6, 3.0, [0.25])
        assert found["push"] == {"median": 2.0, "p99": 4.0}


class TestThePage:
    def test_every_mark_of_the_page_is_known_and_every_known_mark_is_there(self) -> None:
        text = report.PAGE.read_text()

        assert sorted(found[1] for found in report._MARKED.findall(text)) == sorted(report.PARTS)

    def test_only_what_is_between_marks_is_written(self) -> None:
        text = "Prose.\n<!-- bench:cold -->\nstale\n<!-- end -->\nMore prose.\n"
        phases = {"default": {"all": {"median": 100.0, "least": 90.0, "most": 120.0, "n": 30}}}

        found = report.filled(text, {"cold": {"phases": phases}})

        assert found.startswith("Prose.\n<!-- bench:cold -->\n| fork to user code, ms | all |")
        assert found.endswith("<!-- end -->\nMore prose.\n")
        assert "stale" not in found

    def test_what_was_not_measured_is_said_so(self) -> None:
        assert "Not measured" in report.filled("<!-- bench:memory -->\n<!-- end -->", {})

    def test_an_unknown_mark_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="unheard-of"):
            report.filled("<!-- bench:unheard-of -->\n<!-- end -->", {})

    def test_where_one_redis_ends_is_told_from_what_operations_cost_its_thread(self) -> None:
        costs = {"pull": 50.0, "get": 10.0, "push": 100.0, "set": 20.0}
        section = {
            "costs": [{"label": "100 B", "size": 100, **costs}, {"label": "10 MB", "size": 10_000_000, **costs}],
            "processes": [{"label": "8 x 1 KB", "per_second": 3210.0, "redis_busy": [0.25]}],
        }

        found = words.one_redis(section)

        assert "about 20,000 pulls or 10,000 pushes a second" in found
        assert "it is 6 % busy" in found
        assert "200,000 MB/s to pulls" in found
