"""Access as Markdown: one table for each DAG. Names are code, so that no name is markup, a link or a mention."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.access.overview.entries import further, short
from exclusive_redis_xcom.access.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exclusive_redis_xcom.access.overview.entries import Entry

#: So many consumers are named in a cell.
_MOST_NAMED = 20


def write(entries: Iterable[Entry]) -> str:
    """Write the tables."""
    return "\n".join(
        "\n".join(_table(dag_id, of_dag)) + "\n"
        for dag_id, of_dag in groupby(entries, key=lambda entry: entry.xcom.dag_id)
    )


def code(text: str) -> str:
    """Write a text as code in a cell of a table, whatever it holds."""
    shown = printable(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    space = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{space}{shown}{space}{fence}".replace("|", "\\|")


def _table(dag_id: str, entries: Iterable[Entry]) -> Iterator[str]:
    yield f"### {code(dag_id)}"
    yield ""
    yield "| Task | Key | Who may pull | Who perhaps may | Conditions | Rule |"
    yield "|---|---|---|---|---|---|"
    for entry in entries:
        cells = (
            code(entry.xcom.task_id),
            code(entry.xcom.key),
            _names(entry, Verdict.YES) or "nobody",
            _names(entry, Verdict.MAYBE),
            further(entry.rule),
            code(entry.rule.source),
        )
        yield f"| {' | '.join(cells)} |"


def _names(entry: Entry, verdict: Verdict) -> str:
    names = [code(short(who, entry.xcom.dag_id)) for who in entry.consumers if who.verdict is verdict]
    more = len(names) - _MOST_NAMED
    return ", ".join([*names[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])])
