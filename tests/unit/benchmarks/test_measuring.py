"""How the bench measures in turn and sums up, from given times. Nothing here takes the time of anything."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks import cold, figures, load
from benchmarks.__main__ import AIRFLOW, COMMANDS, main
from benchmarks.base.ratios import Ratios
from benchmarks.base.trees import Tree
from benchmarks.figures import Row, Spans
from benchmarks.side_by_side import BEFORE, SECTIONS
from benchmarks.timing import Measured, in_turn, rotated


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
        assert Spans.of(Measured([3.0, 1.0, 2.0], [1, 0, 0])) == Spans(2.0, 3.0, 3, 1 / 3)

    def test_rows_come_back_from_the_file_as_they_went(self, tmp_path: Path) -> None:
        found = Row(
            "push", "100 B", {"ours": Spans(1.5, 3.0, 10, calls=1.0)}, {"object": "TypeError"}, size=100, sent=90
        )

        figures.save(tmp_path, "worker", {"rows": [asdict(found)]}, quick=False)

        section = figures.load(tmp_path)["worker"]
        assert figures.rows(section) == [found]
        assert section["quick"] is False

    def test_figures_of_another_format_are_left_out(self, tmp_path: Path) -> None:
        (tmp_path / "worker.json").write_text('{"format": 0, "rows": []}')

        assert figures.load(tmp_path) == {}


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
        orders = [[variant.name for variant in cold.in_order(cold.VARIANTS, number)] for number in range(6)]

        assert {tuple(sorted(order)) for order in orders} == {tuple(sorted(variant.name for variant in cold.VARIANTS))}
        assert len({tuple(order) for order in orders}) == 6
        apart = [abs(order.index("default") - order.index("worker")) for order in orders]
        assert sorted(apart) == [1, 1, 1, 1, 1, 5]

    def test_load_tells_operations_a_second_and_the_use_of_redis_thread(self) -> None:
        found = load.summary([{"push": [2.0], "pull": [1.0, 1.0]}, {"push": [4.0], "pull": [3.0, 1.0]}], 2.0, [0.5])

        assert (found["operations"], found["per_second"], found["redis_busy"]) == (6, 3.0, [0.25])
        assert found["push"] == {"median": 2.0, "p99": 4.0}


class TestRatiosToTheBase:
    def test_each_ratio_is_of_one_round_so_that_a_machine_that_slows_down_does_not_count(self) -> None:
        ratios = Ratios()
        for slow in (1.0, 1.5, 3.0):
            ratios.add("pull", {"base": 2.0 * slow, "new": 2.04 * slow})

        (row,) = ratios.section()["rows"]

        assert (row["row"], row["ms"], row["rounds"]) == ("pull", pytest.approx(3.06), 3)
        ratio = pytest.approx(1.02)
        assert row["before"] == {"median": 3.0, "ratio": ratio, "low": ratio, "high": ratio}

    def test_a_tree_alone_has_times_and_no_ratio(self) -> None:
        ratios = Ratios()
        ratios.add("pull", {"new": 2.0})

        assert ratios.section() == {"rows": [{"row": "pull", "ms": 2.0, "rounds": 1, "before": None}]}

    def test_the_build_before_lends_its_package_alone_to_this_builds_benchmarks(self, tmp_path: Path) -> None:
        (tmp_path / "exclusive_redis_xcom").mkdir()
        before = Tree("base", tmp_path, tmp_path / ".venv" / "bin" / "python")

        package, benchmarks, dependencies = map(Path, before.python_path())

        assert [(found.name, found.resolve()) for found in package.iterdir()] == [
            ("exclusive_redis_xcom", tmp_path / "exclusive_redis_xcom")
        ]
        assert (benchmarks / "benchmarks" / "__main__.py").exists()
        assert dependencies.parts[: len(tmp_path.parts) + 1] == (*tmp_path.parts, ".venv")


class TestSections:
    def test_each_section_of_real_tasks_can_be_measured_alone(self) -> None:
        assert set(SECTIONS) < set(AIRFLOW)
        assert all(section.kind in AIRFLOW[name] for name, section in SECTIONS.items())

    def test_the_figures_of_every_section_are_read_again(self) -> None:
        assert {*COMMANDS["all"], "postgresql"} == set(figures.NAMES)  # a command of its own measures that one

    def test_an_unknown_section_is_refused_before_anything_is_measured(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit):
            main(["run", "--only", "stored,unheard-of"])

        assert "argument --only: unknown: unheard-of; known: memory, stored" in capsys.readouterr().err

    def test_of_the_build_before_only_what_is_compared_takes_part(self) -> None:
        assert {one for names in BEFORE.values() for one in names} == {"api", "ours"}


def test_the_help_explains_every_command_and_names_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    told = " ".join(capsys.readouterr().out.split())
    assert [
        name for name in (*COMMANDS, "show", "render") if f" {name}: " not in told.replace(" (the default)", "")
    ] == []
    assert [name for name in COMMANDS["all"] if name not in told.replace("- ", "-")] == []
