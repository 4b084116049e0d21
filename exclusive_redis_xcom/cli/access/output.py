"""How the commands write answers: the option `-o`, with a table for people and three forms for programs.

Ids and keys may hold anything. So no form lets them move the cursor, change colours, or begin a line or a cell.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from exclusive_redis_xcom.access.printable import printable
from exclusive_redis_xcom.cli.access import forms

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TABLE: Final = "table"
JSON: Final = "json"
YAML: Final = "yaml"
PLAIN: Final = "plain"

#: The version of the JSON and YAML documents.
SCHEMA: Final = 1

#: The column with the class of an answer, and the colours of these classes.
MAY: Final = "MAY"
_COLOURS: Final = {"yes": "green", "maybe": "yellow", "no": "red"}

#: Where output goes to a file or a pipe, a line is as long as it must be.
_UNLIMITED: Final = 100_000


class Listing(NamedTuple):
    """What a command found, for all forms.

    Attributes:
        headers: The names of the columns.
        rows: The cells, for `table` and `plain`.
        document: What `json` and `yaml` hold, in JSON's types.
    """

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    document: Mapping[str, Any]


def add_option(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    forms.add_option(
        parser,
        (TABLE, JSON, YAML, PLAIN),
        default=TABLE,
        help="table (default), json, yaml, or plain: one line for each item, with tabs between its parts",
    )


def write(form: str, listing: Listing, file: Path | None = None) -> None:
    """Write to standard output, or to a file."""
    if form == JSON:
        text = as_json(listing.document)
    elif form == YAML:
        text = as_yaml(listing.document)
    elif form == PLAIN:
        text = "".join("\t".join(map(escaped, row)) + "\n" for row in listing.rows)
    else:
        text = _as_table(listing, is_kept=file is not None)
    forms.deliver(text, file)


def as_json(document: Mapping[str, Any]) -> str:
    """Write a document as JSON. It is ASCII, so that every terminal and file can hold it."""
    return json.dumps({"schema": SCHEMA, **document}, indent=2) + "\n"


def as_yaml(document: Mapping[str, Any]) -> str:
    """Write a document as YAML."""
    import yaml

    text: str = yaml.safe_dump({"schema": SCHEMA, **document}, sort_keys=False, width=_UNLIMITED)
    return text


def escaped(text: str) -> str:
    r"""Write a cell of `plain`: a tab is `\t`, and a backslash is `\\`, so that a program can read it back."""
    return printable(text.replace("\\", "\\\\"))


def say(*sentences: str | None) -> None:
    """Write lines to standard error: why an answer is as it is. Output that came before is shown before."""
    sys.stdout.flush()
    sys.stderr.write("".join(f"{printable_lines(sentence)}\n" for sentence in sentences if sentence))


def printable_lines(text: str) -> str:
    """Show what does not print, but keep the ends of lines."""
    return "\n".join(map(printable, text.split("\n")))


def _as_table(listing: Listing, *, is_kept: bool) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in listing.headers:
        table.add_column(Text(printable(header)), overflow="fold")
    for row in listing.rows:
        table.add_row(
            *(  # a Text, because rich reads markup in a str
                Text(printable(cell), _COLOURS.get(cell, "") if header == MAY else "")
                for header, cell in zip(listing.headers, row, strict=True)
            )
        )
    console = Console(
        width=None if sys.stdout.isatty() and not is_kept else _UNLIMITED,
        highlight=False,
        force_terminal=False if is_kept else None,
    )
    with console.capture() as captured:
        console.print(table)
    if console.is_terminal:
        return captured.get()
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())
