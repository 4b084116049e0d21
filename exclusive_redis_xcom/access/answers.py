"""The answers to questions about access."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.names import TaskName, XComName
    from exclusive_redis_xcom.acl import Rule


class Verdict(str, Enum):
    """Whether a task may pull an XCom. `MAYBE` is a class of its own: what is not known is never a "no"."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether one task may pull one XCom, and why.

    Attributes:
        consumer: Who asks.
        xcom: What is asked for.
        verdict: The answer.
        reason: Why, as a clause. It is the one of `acl.decide`, unless something is not known.
        rule: The rule that decides, with its consumers resolved; None if no rule decides.
        conditions: What else must hold at the time of the pull, in words.
    """

    consumer: TaskName
    xcom: XComName
    verdict: Verdict
    reason: str
    rule: Rule | None = None
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may pull an XCom: one task, or all tasks that a pattern matches.

    Attributes:
        name: `dag/task`, or a pattern of it.
        verdict: `YES`, or `MAYBE` for a pattern or a task of DAGs that are not known here.
        reason: Why.
        conditions: As for `Answer`.
    """

    name: str
    verdict: Verdict
    reason: str
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """The rule for one XCom, as it was declared: a policy word is not expanded.

    Attributes:
        xcom: The XCom.
        rule: The rule that decides.
        is_narrowed: Whether `return_value` copies multiple outputs, so that only consumers of all outputs may pull it.
    """

    xcom: XComName
    rule: Rule
    is_narrowed: bool = False
