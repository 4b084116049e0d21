"""Access as CSV: one line for each XCom and consumer."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exclusive_redis_xcom.access.overview.entries import Entry

HEADERS = (
    "producer_dag",
    "producer_task",
    "key",
    "consumer_dag",
    "consumer_task",
    "may",
    "rule",
    "place",
    "ttl_seconds",
    "same_run",
    "once",
)

#: A spreadsheet reads a cell that begins with one of these as a formula. Some do so for the wide forms, too.
_FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001 - the wide forms are meant


def write(entries: Iterable[Entry]) -> str:
    """Write a header, and the lines. An XCom that nobody else may pull has one line, with "no"."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADERS)
    for entry in entries:
        writer.writerows([_cell(each) for each in row] for row in _rows(entry))
    return text.getvalue()


def _rows(entry: Entry) -> Iterator[tuple[str, ...]]:
    rule = entry.rule
    ttl = "" if rule.ttl is None else str(int(rule.ttl.total_seconds()))
    of_rule = (rule.source, entry.place, ttl, str(rule.same_run).lower(), str(rule.once).lower())
    for who in entry.consumers:
        yield (*entry.xcom, who.dag_id, who.task_id, who.verdict.value, *of_rule)
    if not entry.consumers:
        yield (*entry.xcom, "", "", "no", *of_rule)


def _cell(text: str) -> str:
    """Keep a text from being a formula, by the apostrophe that spreadsheets hide."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
