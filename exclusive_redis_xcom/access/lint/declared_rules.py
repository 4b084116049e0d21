"""Rules that contradict their DAG: EX101 to EX104, EX106 and EX107. `declaration.validation` finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.lint.findings import about_rule, finding
from exclusive_redis_xcom.declaration.validation import problems
from exclusive_redis_xcom.errors import InvalidAcl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.access.finding import Finding
    from exclusive_redis_xcom.access.loading import Refused

#: The check of each kind of mistake, by `InvalidAcl.fault` and `Problem.fault`.
CODES: Final = {
    "unknown-task": "EX101",
    "upstream-consumer": "EX102",
    "unknown-word": "EX103",
    "task-as-key": "EX104",
    "unrelated-consumer": "EX106",
    "no-match": "EX107",
    "malformed": "EX108",
}


def check(facts: DagFacts) -> Iterator[Finding]:
    """Yield what is wrong with the rules of a DAG.

    Raises:
        InvalidAcl: The patterns take too long to check.
    """
    for problem in problems(facts.acl, facts.graph):
        yield about_rule(
            CODES[problem.fault],
            facts,
            problem.rule,
            problem.name,
            problem.decision(str),
            remedy=problem.remedy or None,
            level="error" if problem.refuses else "warning",
        )


def check_refused(refused: Refused) -> Iterator[Finding]:
    """Yield why a DAG is refused: everything that is wrong with its rules, if they are well-formed."""
    if refused.facts is not None:
        try:
            found = list(check(refused.facts))
        except InvalidAcl:
            found = []
        if any(each.level == "error" for each in found):
            yield from found
            return
        yield from found
    message, *further = refused.text.splitlines()
    own = f"DAG '{refused.dag_id}'"
    decision = message.removeprefix(own).lstrip(":, ")  # a finding names its DAG elsewhere
    remedy = " ".join(line for line in further if line.strip(".") != own and not line.startswith(f"{own}, xcom_acl"))
    subject = decision.partition(": ")[0]
    yield finding(
        CODES[refused.fault], refused.dag_id, decision, subject, refused.file, refused.line, remedy=remedy or None
    )
