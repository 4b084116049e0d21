"""Checks of DAG files: what is wrong with rules, or looks wrong. Each finding has a stable code.

`lint` runs all checks over `Linted`. `CHECKS` describes them. One module has the checks of one group. `selection`,
`suppression` and `baseline` leave findings out.
"""

from __future__ import annotations

from exclusive_redis_xcom.access.lint.checks import CHECKS
from exclusive_redis_xcom.access.lint.linting import Linted, lint, ordered

__all__ = ["CHECKS", "Linted", "lint", "ordered"]
