"""Pieces of Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CODE = re.compile(r"(`[^`]+`)")


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table. Pipes in cells are escaped."""
    columns = [*header]
    lines = [_line(columns), "|" + "---|" * len(columns)]
    return "\n".join([*lines, *(_line(cell.replace("|", r"\|") for cell in row) for row in rows)])


def _line(cells: Iterable[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return a text whose code spans stay as they are. All other parts are changed."""
    return "".join(part if part.startswith("`") else change(part) for part in _CODE.split(text))
