"""What a preview is: a structure of plain texts that a terminal and a page can both show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

#: At most so many bytes of a value are decompressed and looked at.
MOST_BYTES: Final = 1024 * 1024
#: The bounds of what is shown.
MOST_ROWS: Final = 50
MOST_COLUMNS: Final = 50
MOST_CELL: Final = 200  # characters
MOST_TEXT: Final = 20_000  # characters
MOST_SHOWN_BYTES: Final = 1024

#: "text": the value is a text. "data": plain data, as literals. "bytes": hexadecimal. "table" and "array": rows.
#: "hidden": the value is not shown, and `reason` says why.
Kind: TypeAlias = Literal["text", "data", "bytes", "table", "array", "hidden"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. An empty name is that of an index without a name."""

    name: str
    dtype: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What is shown of a value. All texts print. Only `text` may have more than one line.

    Attributes:
        kind: Which of the fields below tell the value.
        type_name: The type, for people: `dict`, `pandas.DataFrame`. The bytes may have named it.
        summary: How much there is: `1000 rows x 3 columns`. It may be empty.
        text: The value of a "text", "data" or "bytes".
        columns: The columns of a "table" or "array", at most 50.
        rows: The first rows, at most 50. Each has a cell for each column, and a cell has at most 200 characters.
        truncated: Whether the value has more than is shown.
        reason: A sentence: why nothing, or not everything, is shown.
    """

    kind: Kind
    type_name: str
    summary: str = ""
    text: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    truncated: bool = False
    reason: str | None = None


def hidden(reason: str, type_name: str = "") -> Preview:
    """Make the preview of a value that is not shown."""
    return Preview("hidden", type_name, reason=reason)


class NotShownError(Exception):
    """A value cannot be shown.

    Args:
        reason: A sentence for people. It quotes nothing of the value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
