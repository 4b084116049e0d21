"""`exclusive-xcom access` shows all producers, keys and consumers: as a table, as data, as a picture or as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.access import Verdict
from exclusive_redis_xcom.access.printable import printable
from exclusive_redis_xcom.cli.access import dags, forms, output, shapes, status

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from exclusive_redis_xcom.access import Access
    from exclusive_redis_xcom.access.overview.entries import Entry

_DATA: Final = (output.TABLE, output.JSON, output.YAML, output.PLAIN)
_DOCUMENTS: Final = ("csv", "markdown", "mermaid", "dot", "svg", "html")
FORMATS: Final = (*_DATA, *_DOCUMENTS)
#: So many names stand in a cell of the table.
_MOST_NAMED = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Show who may pull which XCom, for all known XComs of the DAGs. table, csv and markdown list every XCom; "
        "mermaid, dot and svg are pictures; html is one file with pictures and tables, without scripts. "
        "Exit status: 0, or 2 where the DAGs cannot be read."
    )
    forms.add_option(
        parser,
        FORMATS,
        default=output.TABLE,
        help="table (default), csv, markdown, mermaid, dot, svg, html, json, yaml, or plain",
        to_file=True,
    )
    parser.add_argument(
        "--dag",
        action="append",
        dest="only",
        metavar="DAG",
        help="show the XComs of this DAG alone; may be repeated",
    )
    parser.add_argument(
        "--expand",
        action="store_true",
        help='name each task, in place of "all tasks" and of patterns',
    )
    dags.add_options(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Show who may pull what.

    Returns:
        0.
    """
    return show(dags.access_of(args), form=args.output, only=args.only, expand=args.expand, file=args.output_file)


def show(
    access: Access,
    *,
    form: str,
    only: Sequence[str] | None = None,
    expand: bool = False,
    file: Path | None = None,
) -> int:
    """Show DAGs that have been read.

    Args:
        access: The DAGs.
        form: The format.
        only: The DAGs whose XComs are meant; None for all.
        expand: Name each task, in place of groups.
        file: Where it goes; None for standard output.

    Raises:
        UndecidedError: One of the DAGs in `only` is not here, or the file cannot be written.
    """
    from exclusive_redis_xcom.access import telling
    from exclusive_redis_xcom.access.overview.entries import MOST_DOWNSTREAM, entries
    from exclusive_redis_xcom.access.unknown_keys import unlisted

    for dag_id in only or ():
        access.dag(dag_id)
    # Programs read names of tasks, and no name of a group.
    most = None if form in ("csv", output.JSON, output.YAML) else MOST_DOWNSTREAM
    found = list(entries(access, expand=expand, most=most, dag_ids=only))
    note = telling.note_of_more(unlisted(access, only), of="other tasks")
    if form in _DATA:
        output.write(form, _listing(found), file)
    else:
        forms.deliver(_document(form, found, note), file)
    output.say(note)
    return status.YES


def _document(form: str, found: Sequence[Entry], note: str | None) -> str:
    from exclusive_redis_xcom.access.overview import dot, drawing, markdown, mermaid, spreadsheet
    from exclusive_redis_xcom.access.overview.graph import pictures

    if form == "csv":
        return spreadsheet.write(found)
    if form == "markdown":
        return markdown.write(found)
    if form == "mermaid":
        text = mermaid.write(pictures(found))
        output.say(mermaid.too_large(text))
        return text
    if form == "dot":
        return dot.write(pictures(found))
    if form == "svg":
        return drawing.svg(pictures(found))
    return drawing.html(pictures(found), notes=[] if note is None else [printable(note)])


def _listing(found: Sequence[Entry]) -> output.Listing:
    from exclusive_redis_xcom.access.overview.entries import further

    rows = [
        (
            str(entry.xcom),
            _names(entry, Verdict.YES) or "nobody",
            _names(entry, Verdict.MAYBE),
            further(entry.rule),
            entry.rule.source,
        )
        for entry in found
    ]
    headers = ("XCOM", "WHO MAY PULL", "WHO PERHAPS MAY", "FURTHER", "RULE")
    return output.Listing(headers, rows, {"xcoms": [_json(entry) for entry in found]})


def _names(entry: Entry, verdict: Verdict) -> str:
    from exclusive_redis_xcom.access.overview.entries import short

    names = [short(who, entry.xcom.dag_id) for who in entry.consumers if who.verdict is verdict]
    more = len(names) - _MOST_NAMED
    return ", ".join([*names[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])])


def _json(entry: Entry) -> dict[str, Any]:
    return {
        "xcom": shapes.of_xcom(*entry.xcom),
        "readers": [
            {"consumer": shapes.of_task(who.dag_id, who.task_id), "verdict": who.verdict.value}
            for who in entry.consumers
        ],
        "rule": shapes.of_rule(entry.rule),
    }
