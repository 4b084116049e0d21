"""Whether a DAG of this process names a stricter policy to report (`report_consumers` in its `"*"`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.acl import Rule

#: Whether one does. It is no function, because each pull asks, and most processes have parsed no such DAG.
is_declared = False


def words_of(rules: Iterable[Rule]) -> set[str]:
    """Return the stricter words that a DAG's rules name, and remember that there are some."""
    global is_declared  # noqa: PLW0603 - a process has parsed such a DAG or has not; this is that fact
    words = {rule.report_consumers for rule in rules if rule.report_consumers is not None}
    is_declared = is_declared or bool(words)
    return words
