"""Access in the language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.overview.network import network
from exclusive_redis_xcom.access.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exclusive_redis_xcom.access.overview.graph import Picture
    from exclusive_redis_xcom.access.overview.network import Node


def write(pictures: Iterable[Picture]) -> str:
    """Write the graph."""
    return "\n".join(_lines(pictures)) + "\n"


def quoted(text: str) -> str:
    r"""Quote a text, so that it is shown as it is. Graphviz reads `\N`, `\l` and `&lt;` in quotes, too."""
    shown = printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return f'"{shown}"'


def _lines(pictures: Iterable[Picture]) -> Iterator[str]:
    whole = network(pictures)
    yield "digraph access {"
    yield "  rankdir=LR;"
    yield '  node [shape=box, fontname="sans-serif"];'
    yield '  edge [fontname="sans-serif", fontsize=10];'
    for cluster, (dag_id, numbers) in enumerate(whole.by_dag().items()):
        yield f"  subgraph cluster_{cluster} {{"
        yield f"    label={quoted(dag_id)};"
        yield from (f"    {_node(number, whole.nodes[number])}" for number in numbers)
        yield "  }"
    for edge in whole.edges:
        style = "" if edge.is_certain else ", style=dashed"
        yield f"  n{edge.producer} -> n{edge.consumer} [label={quoted(edge.label)}{style}];"
    yield "}"


def _node(number: int, node: Node) -> str:
    style = ' style="rounded,dashed"' if node.is_group else ""
    return f"n{number} [label={quoted(node.label)}{style and ','}{style}];"
