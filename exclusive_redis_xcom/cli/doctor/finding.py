"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from exclusive_redis_xcom.model import one_line

Result = Literal["ok", "warning", "FAIL", "skipped"]

_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    `seen` says what was found, or why the check was skipped. `remedy` says what to do. Neither ever holds a secret.
    Control characters in what servers say are replaced, because a terminal would obey them.
    """

    check: str
    result: Result
    seen: str
    remedy: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "seen", one_line(self.seen, _LONGEST))
        object.__setattr__(self, "remedy", one_line(self.remedy, _LONGEST))
