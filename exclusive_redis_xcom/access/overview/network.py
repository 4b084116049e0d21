"""Pictures as one network, for languages that lay it out themselves: a task that produces and consumes is one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.access.printable import cut

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.access.overview.graph import Box, Line, Picture, Row

#: Characters of a name, and keys of an edge.
_LONGEST = 60
_MOST_KEYS = 6


class Node(NamedTuple):
    """A box, and the DAG that it stands in."""

    dag_id: str
    label: str
    is_group: bool
    is_known: bool


class Edge(NamedTuple):
    """What one node may pull from another."""

    producer: int
    consumer: int
    label: str
    is_certain: bool


@dataclass(frozen=True, slots=True)
class Network:
    """Nodes and edges. An edge names its nodes by their positions."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def by_dag(self) -> dict[str, list[int]]:
        """Return the positions of the nodes of each DAG."""
        found: dict[str, list[int]] = {}
        for number, node in enumerate(self.nodes):
            found.setdefault(node.dag_id, []).append(number)
        return found


def network(pictures: Iterable[Picture]) -> Network:
    """Join pictures."""
    nodes: dict[tuple[str, tuple[str, ...], bool], tuple[int, Node]] = {}
    labels: dict[tuple[int, int, bool], dict[str, None]] = {}
    for picture in pictures:
        producers = [_number(nodes, producer.box, picture.dag_id) for producer in picture.producers]
        consumers = [_number(nodes, box, picture.dag_id) for box in picture.consumers]
        for number, producer in zip(producers, picture.producers, strict=True):
            for row, line in producer.lines():
                edge = (number, consumers[line.target], line.verdict is Verdict.YES)
                labels.setdefault(edge, {})[_label(row, line)] = None
    return Network(
        tuple(node for _, node in nodes.values()),
        tuple(
            Edge(producer, consumer, _joined(list(texts)), is_certain)
            for (producer, consumer, is_certain), texts in labels.items()
        ),
    )


def _number(nodes: dict[tuple[str, tuple[str, ...], bool], tuple[int, Node]], box: Box, dag_id: str) -> int:
    label = box.label.removeprefix(f"{box.dag_id}/") if box.dag_id != dag_id else box.label
    node = Node(box.dag_id, cut(label, _LONGEST), box.is_group, box.is_known)
    return nodes.setdefault((box.dag_id, box.task_ids, box.is_group), (len(nodes), node))[0]


def _label(row: Row, line: Line) -> str:
    maybe = "" if line.verdict is Verdict.YES else "maybe"
    notes = ", ".join(filter(None, (row.further, maybe)))
    key = cut(row.key, _LONGEST)
    return f"{key} ({notes})" if notes else key


def _joined(texts: list[str]) -> str:
    more = len(texts) - _MOST_KEYS
    return ", ".join([*texts[:_MOST_KEYS], *([f"{more} more"] if more > 0 else [])])
