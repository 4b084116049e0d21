"""How a preview is written: below a table, as a cell of `plain`, and in a document."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.cli.access import output

if TYPE_CHECKING:
    from exclusive_redis_xcom.preview import Preview

#: The columns that `plain` has besides.
PLAIN_HEADERS: Final = ("TYPE", "SIZE", "VALUE")
_MORE: Final = "The value has more than is shown."


def document(preview: Preview) -> dict[str, Any]:
    """Return what the JSON form says of a preview."""
    return {
        "kind": preview.kind,
        "type": preview.type_name,
        "summary": preview.summary,
        "text": preview.text,
        "columns": [{"name": column.name, "dtype": column.dtype} for column in preview.columns],
        "rows": [list(row) for row in preview.rows],
        "truncated": preview.truncated,
        "reason": preview.reason,
    }


def cells(preview: Preview) -> list[str]:
    """Return the cells of `plain`. Of a table, the last one has the rows, with tabs between their cells."""
    text = preview.text
    if preview.columns:
        lines = [[column.name for column in preview.columns], *preview.rows]
        text = "\n".join("\t".join(map(output.escaped, line)) for line in lines)
    return [preview.type_name, preview.summary, text]


def write_below(preview: Preview) -> None:
    """Write a preview to standard output, for people."""
    if preview.kind == "hidden":
        return
    size = f", {preview.summary}" if preview.summary else ""
    sys.stdout.write(f"\n{output.printable_lines(preview.type_name + size)}\n")
    if preview.columns:
        headers = [column.name for column in preview.columns]
        output.write(output.TABLE, output.Listing(headers, preview.rows, {}))
    else:
        sys.stdout.write(f"{output.printable_lines(preview.text)}\n")
    sys.stdout.flush()


def remarks(preview: Preview) -> list[str | None]:
    """Return what is said of a preview on standard error."""
    return [_MORE if preview.truncated else None, preview.reason]
