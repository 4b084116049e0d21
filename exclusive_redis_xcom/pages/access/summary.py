"""What stands first on the page of a DAG: how many XComs have a rule, and what the rules are worth here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.pages import here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.pages.access.matrix import Drawn


def summary(drawn: Drawn) -> list[str]:
    """Return the sentences."""
    return list(_sentences(drawn))


def _sentences(drawn: Drawn) -> Iterator[str]:
    settings = here.settings()
    if drawn.xcoms:
        known = "1 XCom is" if drawn.xcoms == 1 else f"{drawn.xcoms} XComs are"
        yield f"{known} known. {_without_rule(drawn, settings.default_consumers)}"
    if settings.by_server:
        yield "The API server decides at each pull, by the rule that was sealed with the value when it was pushed."
    else:
        yield "The task that pulls decides, by the rule that was stored with the value when it was pushed."
    if settings.reports_only:
        yield "Nothing is refused now: with mode = report, a refusal is only recorded."


def _without_rule(drawn: Drawn, word: str) -> str:
    number = drawn.without_rule
    if not number:
        return "Each has a rule."
    have = "has" if number == 1 else "have"
    how_many = "None has a rule" if number == drawn.xcoms else f"{number} {have} no rule"
    return f"{how_many}, so default_consumers = {word} decides there."
