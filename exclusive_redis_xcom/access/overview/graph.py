"""The picture of one DAG's XComs: boxes of producers on one side, boxes of consumers on the other.

Tasks that are alike share a box: a DAG of 500 tasks under one rule is one box and one line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.access.overview.entries import Consumer, further, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exclusive_redis_xcom.access.overview.entries import Entry

#: So many tasks that are alike, and more, share a box.
SHARED_FROM = 6
_NAMED = 3
_Each = TypeVar("_Each")


class Box(NamedTuple):
    """One task, several tasks that are alike, or a group that a rule names.

    Attributes:
        dag_id: The DAG.
        task_ids: The tasks; for a group, its name alone.
        is_group: Whether a rule names the group.
        is_known: Whether the tasks are known. If not, they may exist.
        label: What the box is called by people who look at one DAG.
    """

    dag_id: str
    task_ids: tuple[str, ...]
    is_group: bool
    is_known: bool
    label: str

    @property
    def title(self) -> str:
        """The whole names."""
        return ", ".join(f"{self.dag_id}/{task_id}" for task_id in self.task_ids)


class Line(NamedTuple):
    """A consumer's line: to which box it leads, and whether the consumer may pull for certain."""

    target: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """One key of the tasks in a box."""

    key: str
    rule: str
    further: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Producer:
    """A box with its keys."""

    box: Box
    rows: tuple[Row, ...]

    def lines(self) -> Iterator[tuple[Row, Line]]:
        """Yield all lines, each with its row."""
        for row in self.rows:
            for line in row.lines:
                yield row, line


@dataclass(frozen=True, slots=True)
class Picture:
    """The XComs of one DAG, and everybody who may pull them."""

    dag_id: str
    producers: tuple[Producer, ...]
    consumers: tuple[Box, ...]

    @property
    def xcoms(self) -> int:
        """The number of XComs."""
        return sum(len(producer.rows) * len(producer.box.task_ids) for producer in self.producers)


def pictures(entries: Iterable[Entry]) -> Iterator[Picture]:
    """Yield the picture of each DAG. The entries are sorted by DAG and task."""
    for dag_id, of_dag in groupby(entries, key=lambda entry: entry.xcom.dag_id):
        yield _picture(dag_id, [list(of_task) for _, of_task in groupby(of_dag, key=lambda each: each.xcom.task_id)])


def _picture(dag_id: str, tasks: Sequence[Sequence[Entry]]) -> Picture:
    alike: dict[object, list[Sequence[Entry]]] = {}
    for of_task in tasks:
        look = tuple((entry.xcom.key, entry.consumers, entry.rule) for entry in of_task)
        alike.setdefault(look, []).append(of_task)
    together = [part for parts in alike.values() for part in _shared(parts)]
    together.sort(key=lambda part: _natural(part[0][0].xcom.task_id))
    consumers, numbers = _consumers(dag_id, together)
    producers = [
        Producer(
            _box(dag_id, [of_task[0].xcom.task_id for of_task in part]),
            tuple(_row(entry, numbers) for entry in part[0]),
        )
        for part in together
    ]
    return Picture(dag_id, tuple(producers), consumers)


def _consumers(
    dag_id: str, together: Sequence[Sequence[Sequence[Entry]]]
) -> tuple[tuple[Box, ...], dict[Consumer, int]]:
    """Return the boxes of consumers, and the number of each consumer's box. Consumers with the same lines share one."""
    lines: dict[tuple[str, str, bool], set[tuple[int, int, Verdict]]] = {}
    for number, part in enumerate(together):
        for row, entry in enumerate(part[0]):
            for who in entry.consumers:
                lines.setdefault((who.dag_id, who.task_id, who.is_group), set()).add((number, row, who.verdict))
    alike: dict[object, list[tuple[str, str, bool]]] = {}
    for name, found in lines.items():
        alike.setdefault((name[0], name if name[2] else "", frozenset(found)), []).append(name)
    boxes: list[Box] = []
    numbers: dict[Consumer, int] = {}
    for part_of in (part for names in alike.values() for part in _shared(names)):
        first_dag, first_task, is_group = part_of[0]
        for name in part_of:
            numbers.update({Consumer(*name[:2], verdict, name[2]): len(boxes) for verdict in Verdict})
        is_known = any(verdict is Verdict.YES for _, _, verdict in lines[part_of[0]])
        if is_group:
            label = short(Consumer(first_dag, first_task, Verdict.YES, True), dag_id)
            boxes.append(Box(first_dag, (first_task,), True, is_known, label))
        else:
            boxes.append(_box(first_dag, [task_id for _, task_id, _ in part_of], dag_id, is_known=is_known))
    return tuple(boxes), numbers


def _natural(text: str) -> list[tuple[int, str]]:
    """Return a key that sorts `t_2` before `t_10`."""
    return [(int(each), "") if each.isdecimal() else (-1, each) for each in re.split(r"(\d+)", text)]


def _shared(names: list[_Each]) -> list[list[_Each]]:
    return [names] if len(names) >= SHARED_FROM else [[name] for name in names]


def _row(entry: Entry, numbers: dict[Consumer, int]) -> Row:
    certain = {numbers[who] for who in entry.consumers if who.verdict is Verdict.YES}
    lines = {
        Line(numbers[who], who.verdict): None
        for who in entry.consumers
        if who.verdict is Verdict.YES or numbers[who] not in certain  # one line to a pattern that stands for both
    }
    return Row(entry.xcom.key, entry.rule.source, further(entry.rule), tuple(lines))


def _box(dag_id: str, task_ids: Sequence[str], seen_from: str | None = None, *, is_known: bool = True) -> Box:
    task_ids = sorted(task_ids, key=_natural)
    names = [task_id if seen_from in (None, dag_id) else f"{dag_id}/{task_id}" for task_id in task_ids]
    label = names[0] if len(names) == 1 else f"{len(names)} tasks: {', '.join(names[:_NAMED])}, ..."
    return Box(dag_id, tuple(task_ids), False, is_known, label)
