"""Hold the command `exclusive-xcom`. Its parser is in `program`, and each further command has a package here."""

from __future__ import annotations

from exclusive_redis_xcom.cli.program import main

__all__ = ["main"]
