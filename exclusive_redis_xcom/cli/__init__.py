"""The command `exclusive-xcom`. `program` holds its parser; each further command has a package here."""

from __future__ import annotations

from exclusive_redis_xcom.cli.program import main

__all__ = ["main"]
