"""How the same tasks of two builds take turns. Threads stand for the tasks; nothing here takes the time of anything."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.timing import in_turn
from benchmarks.turns import meeting

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 20.0


def both(leader: Callable[[], object], follower: Callable[[], object]) -> None:
    """Run both to their end."""
    thread = threading.Thread(target=follower)
    thread.start()
    try:
        leader()
    finally:
        thread.join(PATIENCE)
    assert not thread.is_alive()


def test_two_builds_take_turns_round_by_round_and_the_leader_learns_the_times_of_the_other(tmp_path: Path) -> None:
    run: list[str] = []
    theirs: list[dict[str, float]] = []

    def task(name: str, *, leads: bool) -> None:
        with meeting(tmp_path / "pull", leads=leads, patience=PATIENCE) as partner:
            for row in ("first", "second"):
                partner.begin(row, 3)
                in_turn({"ours": lambda: run.append(name)}, 3, partner=partner)
                if leads:
                    theirs[:] = partner.theirs

    both(lambda: task("new", leads=True), lambda: task("before", leads=False))

    assert run == ["new", "before"] * 8
    assert [list(one) for one in theirs] == [["ours"]] * 4
    assert all(one["ours"] >= 0 for one in theirs)


def test_rounds_of_different_things_are_an_error(tmp_path: Path) -> None:
    found: dict[bool, str] = {}

    def task(row: str, *, leads: bool) -> None:
        with meeting(tmp_path / "pull", leads=leads, patience=PATIENCE) as partner:
            with pytest.raises(RuntimeError) as error:
                partner.begin(row, 3)
            found[leads] = str(error.value)

    both(lambda: task("pull 100 B", leads=True), lambda: task("pull 10 MB", leads=False))

    ours, theirs = "{'row': 'pull 100 B', 'rounds': 3}", "{'row': 'pull 10 MB', 'rounds': 3}"
    assert found[True] == f"the two builds do not measure the same: {ours} and {theirs}"


def test_a_task_whose_partner_ends_does_not_wait_for_ever(tmp_path: Path) -> None:
    def leader() -> None:
        with (
            meeting(tmp_path / "pull", leads=True, patience=PATIENCE) as partner,
            pytest.raises(RuntimeError, match=r"^the other build's task has ended: see its log$"),
        ):
            partner.begin("pull", 3)

    def follower() -> None:
        with meeting(tmp_path / "pull", leads=False, patience=PATIENCE):
            pass

    both(leader, follower)


@pytest.mark.parametrize("leads", [True, False])
def test_a_task_whose_partner_never_comes_gives_up(tmp_path: Path, leads: bool) -> None:
    with pytest.raises(TimeoutError), meeting(tmp_path / "pull", leads=leads, patience=0.1):
        pass
