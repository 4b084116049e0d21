"""One column of a table: its name, its dtype, its length, and the text of a cell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a column. `text` writes the one of a row."""

    name: str
    dtype: str
    length: int
    text: Callable[[int], str]

    def named(self, name: str) -> Cells:
        """Return the same cells under another name."""
        return replace(self, name=name)
