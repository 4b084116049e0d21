"""Which checks count: `--select` and `--ignore` name codes, or how codes begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.lint.checks import CHECKS
from exclusive_redis_xcom.access.undecided import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exclusive_redis_xcom.access.finding import Finding


def selected(findings: Iterable[Finding], select: Sequence[str], ignore: Sequence[str]) -> list[Finding]:
    """Return the findings whose codes are selected and not ignored.

    Args:
        findings: Findings.
        select: Codes or beginnings of codes; empty for all.
        ignore: The same, for findings that do not count. An ignored code is left out even if it is selected.

    Raises:
        UndecidedError: No code begins so.
    """
    for prefix in (*select, *ignore):
        if not any(code.startswith(prefix) for code in CHECKS):
            raise UndecidedError(
                f"No check has a code that begins with '{prefix}'.\nThe codes are {', '.join(CHECKS)}. "
                "`exclusive-xcom rule` lists them."
            )
    chosen = tuple(select) or ("",)
    return [each for each in findings if each.code.startswith(chosen) and not each.code.startswith(tuple(ignore))]
