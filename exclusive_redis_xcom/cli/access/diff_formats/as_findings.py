"""A difference in access as findings: annotations of GitHub Actions, and SARIF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access import telling_changes
from exclusive_redis_xcom.access.changes import Kind
from exclusive_redis_xcom.access.finding import Check, Finding
from exclusive_redis_xcom.cli.access.diff_formats.between import place
from exclusive_redis_xcom.cli.access.finding_formats import render

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.changes import AccessDiff, Change
    from exclusive_redis_xcom.access.finding import Level
    from exclusive_redis_xcom.cli.access.diff_formats.between import Between

_TOOL = "exclusive-xcom diff"
_REMEDY = "If that is not meant, change the rule back."
_GAINED = Check(
    "EX901",
    "access-gained",
    "error",
    "A task may read an XCom that it might not read before.",
    "Who may read a value is a decision that a reviewer should see.",
    _REMEDY,
)
_MAYBE = Check(
    "EX902",
    "access-maybe-gained",
    "warning",
    "A task may perhaps read an XCom that it might not read before.",
    "The rule is about DAGs that are not here, or about keys that code computes.",
    _REMEDY,
)
_REVOKED = Check(
    "EX903",
    "access-revoked",
    "note",
    "A task may no longer read an XCom that it might read before.",
    "A pull by this task is refused from the next push on.",
    "If the task still needs the value, name it in the rule.",
)
_CHANGED = Check(
    "EX904",
    "access-changed",
    "warning",
    "Access to an XCom has other conditions than before.",
    "A longer ttl, or a condition less, lets readers have more than before.",
    _REMEDY,
)
_CHECKS: Final = {
    Kind.GAINED: _GAINED,
    Kind.MAYBE_GAINED: _MAYBE,
    Kind.REVOKED: _REVOKED,
    Kind.CHANGED: _CHANGED,
}


def write_github(diff: AccessDiff, between: Between) -> str:
    """Write commands of GitHub Actions, which become annotations."""
    return _rendered(diff, between, "github")


def write_sarif(diff: AccessDiff, between: Between) -> str:
    """Write a log in SARIF 2.1.0."""
    return _rendered(diff, between, "sarif")


def _rendered(diff: AccessDiff, between: Between, format: str) -> str:
    findings = [_finding(change, diff, between) for change in diff.changes]
    return render(findings, format, tool=_TOOL, rules={check.code: check for check in _CHECKS.values()})


def _finding(change: Change, diff: AccessDiff, between: Between) -> Finding:
    file, line = place(change, diff, between)
    check, xcom = _CHECKS[change.kind], change.xcoms[0]
    details = "; ".join(telling_changes.details(change))
    return Finding(
        code=check.code,
        level=_level(change, check),
        message=f"{telling_changes.headline(change)}{f' ({details})' if details else ''}.",
        remedy=check.fix,
        dag_id=xcom.dag_id,
        subject=f"{xcom.task_id}:{xcom.key} <- {', '.join(each.name for each in change.readers)}",
        file=file,
        line=line,
    )


def _level(change: Change, check: Check) -> Level:
    if change.kind is not Kind.CHANGED:
        return check.level
    return "error" if change.is_gain else "warning" if change.may_be_gain else "note"
