"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Result = Literal["ok", "warning", "FAIL", "skipped"]

_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    ``seen`` is what was found, or why the check was skipped; ``remedy`` what to do. They never hold a secret. Control
    characters of what servers say are replaced: a terminal would obey them.
    """

    check: str
    result: Result
    seen: str
    remedy: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", _printable(self.seen))
        object.__setattr__(self, "remedy", _printable(self.remedy))


def _printable(text: str) -> str:
    shown = "".join(character if character.isprintable() else "?" for character in text[:_LONGEST])
    return shown if len(text) <= _LONGEST else f"{shown}..."
