"""Access as a Mermaid flow chart, as GitHub and GitLab draw it in Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.overview.network import network
from exclusive_redis_xcom.access.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exclusive_redis_xcom.access.overview.graph import Picture
    from exclusive_redis_xcom.access.overview.network import Node

#: Mermaid draws no more, unless whoever runs it allows that (`maxEdges`, `maxTextSize`).
MOST_EDGES = 500
MOST_CHARACTERS = 50_000

#: Everything else is written as a number: Mermaid's own characters, HTML's and Markdown's.
_PLAIN = re.compile(r"[^\w ,():'/.-]")
#: Mermaid takes a label that begins so for an item of a list.
_LIST = re.compile(r"^(\d+)\.|^-")


def write(pictures: Iterable[Picture]) -> str:
    """Write the chart."""
    return "\n".join(_lines(pictures)) + "\n"


def too_large(text: str) -> str | None:
    """Say that Mermaid will not draw a chart; None if it will."""
    edges = sum(" -->" in line or " -.->" in line for line in text.splitlines())
    if edges <= MOST_EDGES and len(text) <= MOST_CHARACTERS:
        return None
    return (
        f"Note: this chart has {edges} edges and {len(text)} characters. Mermaid draws {MOST_EDGES} edges and "
        f"{MOST_CHARACTERS} characters unless it is told otherwise. Choose DAGs with --dag, or another format."
    )


def quoted(text: str) -> str:
    """Quote a text, so that it is shown as it is."""
    escaped = _PLAIN.sub(lambda found: f"#{ord(found[0])};", printable(text))
    escaped = _LIST.sub(lambda found: f"{found[1]}#46;" if found[1] else "#45;", escaped)
    return f'"{escaped}"'


def _lines(pictures: Iterable[Picture]) -> Iterator[str]:
    whole = network(pictures)
    yield "flowchart LR"
    for cluster, (dag_id, numbers) in enumerate(whole.by_dag().items()):
        yield f"  subgraph dag{cluster}[{quoted(dag_id)}]"
        yield from (f"    {_node(number, whole.nodes[number])}" for number in numbers)
        yield "  end"
    for edge in whole.edges:
        arrow = "-->" if edge.is_certain else "-.->"
        yield f"  n{edge.producer} {arrow}|{quoted(edge.label)}| n{edge.consumer}"
    yield "  classDef group stroke-dasharray: 4 3"
    groups = ",".join(f"n{number}" for number, node in enumerate(whole.nodes) if node.is_group)
    if groups:
        yield f"  class {groups} group"


def _node(number: int, node: Node) -> str:
    text = quoted(node.label)
    return f"n{number}([{text}])" if node.is_group else f"n{number}[{text}]"
