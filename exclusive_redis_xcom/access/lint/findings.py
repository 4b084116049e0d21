"""How findings are made: the place and the stable name of a rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.finding import Finding
from exclusive_redis_xcom.access.lint.checks import CHECKS
from exclusive_redis_xcom.acl import source as sources
from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.access.finding import Level
    from exclusive_redis_xcom.acl import Rule

_LONGEST_NAME = 250
#: A place is "etl.py:12", or several of these, or a file alone.
_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(?=$|, | and \d+ more$)")


def about_rule(code: str, facts: DagFacts, rule: Rule, name: str, decision: str, **others: str | None) -> Finding:
    """Return a finding about a rule of a DAG.

    Args:
        code: The check.
        facts: The DAG.
        rule: The rule.
        name: What within the rule the finding is about, such as a consumer.
        decision: What is wrong, as a sentence that begins with a small letter.
        others: `remedy` and `level`, where they are not those of the check.
    """
    file, line = place_of(rule, facts)
    entry = entry_of(rule)
    return finding(code, facts.dag_id, f"{entry}: {decision}", f"{entry} -> {name}", file, line, **others)


def finding(
    code: str,
    dag_id: str,
    message: str,
    subject: str,
    file: str,
    line: int | None = None,
    *,
    remedy: str | None = None,
    level: Level | str | None = None,
) -> Finding:
    """Return a finding. The check's own fix and level stand where none are given."""
    check = CHECKS[code]
    chosen: Level = check.level if level is None else level  # type: ignore[assignment]  # one of the levels
    return Finding(code, chosen, message, remedy or check.fix, dag_id, subject, file, line)


def entry_of(rule: Rule) -> str:
    """Name a rule without its place: a name that stays the same when lines move."""
    source = sources.read(rule.source)
    if source is None:
        return rule.source
    if source.entry == sources.BY_EXCLUSIVE:
        return f"exclusive() for {short(rule.key)} of {rule.producer}"
    return source.entry


def place_of(rule: Rule, facts: DagFacts) -> tuple[str, int | None]:
    """Return the file of a rule, and its line if that is known. Of several places, it is the first."""
    source = sources.read(rule.source)
    if source is None or source.place is None:
        return facts.file, None
    found = _PLACE.match(source.place)
    return (source.place, None) if found is None else (found["file"], int(found["line"]))


def short(name: str) -> str:
    """Quote a name of any length, on one line."""
    return f"'{one_line(name, _LONGEST_NAME)}'"
