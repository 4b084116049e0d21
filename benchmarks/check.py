"""One figure and its limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One figure and its limit, both in `unit`; `rule` says where the limit comes from."""

    what: str
    found: float
    limit: float
    rule: str
    unit: str = "ms"

    @property
    def verdict(self) -> str:
        """Say whether the limit is exceeded."""
        return "exceeded" if self.found > self.limit else "ok"
