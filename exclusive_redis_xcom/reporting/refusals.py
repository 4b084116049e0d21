"""The texts of refusals. They stand in one place to stay consistent.

The first line of each is the decision. The next lines give the rule and its place, how to allow the pull, and the whole
ids. No text can hold a value, because no function here gets one.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.errors import (
    ExclusiveXComError,
    InvalidAcl,
    InvalidReference,
    XComAccessDenied,
    XComAlreadyClaimed,
    XComSealed,
)
from exclusive_redis_xcom.first_line import FIRST_LINE, Shorten, fitted
from exclusive_redis_xcom.formats import seal
from exclusive_redis_xcom.reporting import losses
from exclusive_redis_xcom.reporting.wording import (
    NOBODY_KNOWN,
    NOT_ITS_OWN,
    OWNERS_REMEDY,
    lines,
    only,
    sentence,
    short_asker,
    short_xcom,
    where,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate, Decision, Principal

#: Why nobody opened a sealed value, and what to do, by the kind of process that pulls (`process.kind`).
_NOBODY = {
    "task": "No API server with the ring of exclusive-redis-xcom answered.\n"
    "Run `exclusive-xcom doctor` on this worker: it says what is missing, and where.",
    "triggerer": "Triggers run without an API server that could check who asks.\n"
    "Pull in the task before it defers or after it resumes, and hand the value to the trigger.",
    "dag_processor": "Callbacks in the DAG processor run without an API server that could check who asks.\n"
    "Pull in a task, or in a callback that runs in the task's own process.",
}

#: What the ring's reasons mean. Reasons that have an error type or a text of their own are not here.
_WHY_SEALED = {
    seal.NOT_RUNNING: "The API server opens values for running task instances only. This one is over or was cleared; "
    "callbacks on success and on retry run after it.\nPull in the task itself.",
    seal.UNKNOWN_KEY: "The API server no longer has the private key that opens it.\n"
    "Put that key back into seal_private_keys, after the newest, or clear the producing task.",
    seal.WITHHELD: "Another value of the same pull was refused, so this read-once value was not claimed.\n"
    "Pull it alone.",
    seal.DENIED: "The API server knows this task by another identity than this process does.\n"
    "Run `exclusive-xcom doctor`.",
}

#: How many consumers a first line names, at the first try and at the next ones.
_NAMED = (3, 2, 1)


def pull_denied(
    at: Coordinate,
    principal: Principal,
    decision: Decision,
    acl: Acl | None,
    default_ttl: timedelta | None = None,
) -> XComAccessDenied:
    """Word the refusal of a task's pull. `unidentified.refused` words that of a pull by nobody.

    Args:
        at: The XCom.
        principal: Who asks.
        decision: What the access list said, and why.
        acl: The rule in force; None where no rule can be read.
        default_ttl: As for `advice.to_allow`.
    """
    return XComAccessDenied(lines(denial(at, principal, decision, acl, default_ttl), where(at, principal)))


def denial(
    at: Coordinate,
    principal: Principal,
    decision: Decision,
    acl: Acl | None,
    default_ttl: timedelta | None = None,
) -> str:
    """Word the refusal of a task's pull without the line of whole ids. The arguments are those of `pull_denied`."""
    from exclusive_redis_xcom.reporting import advice

    if acl is None or decision.rule is None:
        because = "its access list cannot be used"
        remedy = f"Clear {at.task_id}, so that value and access list are written again."
    elif decide(acl, at, replace(principal, run_id=at.run_id)).allowed:
        because = "only the same run may"
        remedy = (
            f"Pull it from a task of run '{at.run_id}', or take same_run out of the rule. Then clear {at.task_id}: the "
            "rule is stored with the value."
        )
    else:
        because = None  # the consumers are
        remedy = (
            f"To allow it, {advice.to_allow(at, principal, acl, default_ttl)} Then clear {at.task_id}: the rule is "
            "stored with the value."
        )

    def first(named: int, short: Shorten) -> str:
        why = only(acl.consumers, at, short, named) if acl is not None and because is None else because
        return f"{short_asker(principal, at, short)} may not pull {short_xcom(at, short)}: {why}."

    cause = f"Rule: {decision.reason}." if decision.rule else f"{sentence(decision.reason)}."
    decides = fitted(*(functools.partial(first, named) for named in _NAMED))
    return lines(decides, cause, remedy)


def unidentified_claim(at: Coordinate, principal: Principal | None) -> XComAccessDenied:
    """Word the refusal of a read-once value to a task instance that cannot be told from others."""
    return XComAccessDenied(
        lines(
            fitted(lambda short: f"{short_xcom(at, short)} may be read once, and it is not known who asks."),
            "The task instance that asks cannot be established, so nobody could claim the value for it.",
            "Pull it in the task itself.",
            where(at, principal),
        )
    )


def already_claimed(at: Coordinate, principal: Principal | None, by: str) -> XComAlreadyClaimed:
    """Word the refusal of a read-once value that another task instance has claimed."""

    def first(short: Shorten) -> str:
        who = short_asker(principal, at, short)
        who = sentence(who) if principal is None else who  # an id keeps its letters
        return f"{who} may not pull {short_xcom(at, short)}: it may be read once, and it was."

    return XComAlreadyClaimed(
        lines(
            fitted(first),
            f"It was claimed by {by or 'another task instance'}.",
            f"Clear {at.task_id} to push it again. If several tasks need the value, take 'once' out of the rule.",
            where(at, principal),
        )
    )


def sealed(
    reference: Reference, principal: Principal | None, process: str, default_ttl: timedelta | None = None
) -> ExclusiveXComError:
    """Make the error to raise for a sealed value that was not opened.

    Args:
        reference: It holds the ring's reason if the ring answered.
        principal: Who asks, as this process knows it.
        process: The kind of process that pulls (`process.kind`).
        default_ttl: As for `advice.to_allow`.
    """
    at = reference.coordinate
    refused = None if reference.seal is None else reference.seal.refused
    reason = None if refused is None else refused.reason
    if reason == seal.FORGED:
        return InvalidReference(
            lines(
                fitted(lambda short: f"The row of {short_xcom(at, short)} holds the seal of another XCom."),
                "It was edited or forged.",
                f"Clear {at.task_id}.",
                where(at, principal),
            )
        )
    if reason == seal.GONE:
        return losses.expired(reference)
    if refused is not None and reason == seal.CLAIMED:
        return already_claimed(at, principal, refused.by or "")
    acl = _shown_acl(reference)
    decision = decide(acl, at, principal)
    if acl is not None and principal is not None and not decision.allowed and reason in (None, seal.DENIED):
        return pull_denied(at, principal, decision, acl, default_ttl)
    if process == "dag_test" and reason in (None, seal.UNKNOWN_KEY):
        from exclusive_redis_xcom.reporting import dag_test

        why = dag_test.why(at.dag_id)
    else:
        why = _NOBODY.get(process, _NOBODY["task"]) if reason is None else _WHY_SEALED[reason]
    return XComSealed(
        lines(
            fitted(lambda s: f"{short_xcom(at, s)} is sealed and was not opened for {short_asker(principal, at, s)}."),
            why,
            where(at, principal),
        )
    )


def plain_row(what: str, key: str | None = None, task_id: str = "") -> InvalidReference:
    """Word the refusal of a row without a reference where all values are sealed.

    Args:
        what: The XCom with its whole ids, or "an XCom" where it is not known.
        key: The key of the XCom; None where the XCom is not known.
        task_id: The task that pushes the XCom.
    """

    def first(short: Shorten) -> str:
        row = "A row" if key is None else f"The row of '{short(key)}' of {short(task_id)}"
        return f"{row} holds a plain value, but all values are sealed here."

    return InvalidReference(
        lines(
            fitted(first),
            f"It is the row of {what}. It was written past the XCom backend (over REST, or by a trigger that ended its "
            "task), or before sealing was switched on.",
            "Clear the task that pushes it, or set [exclusive_redis_xcom] allow_plaintext_read to read such rows.",
        )
    )


def write_denied(at: Coordinate, principal: Principal, action: str) -> XComAccessDenied:
    """Word the refusal of a push or removal (`action`: "push" or "remove") under another task's coordinate."""
    return XComAccessDenied(
        lines(
            fitted(
                lambda short: (
                    f"{short_asker(principal, at, short)} may not {action} {short_xcom(at, short)}: only its own XComs."
                )
            ),
            f"{sentence(NOT_ITS_OWN)}.",
            OWNERS_REMEDY[action],
            where(at, principal),
        )
    )


def unknown_acl(at: Coordinate) -> XComAccessDenied:
    """Word the refusal of a push by a process that has not parsed the DAG file and so does not know the rules."""
    return XComAccessDenied(
        lines(
            fitted(lambda short: f"{short_xcom(at, short)} was not pushed: its consumers are not known here."),
            f"This process has not parsed DAG '{at.dag_id}'.",
            "Push from the task itself or its callbacks.",
            where(at),
        )
    )


def no_task_pulls() -> XComAccessDenied:
    """Word the refusal of `exclusive_redis_xcom.pull` where no task runs."""
    return XComAccessDenied(
        lines(
            f"pull() was called by {NOBODY_KNOWN}.",
            "It pulls as the task that runs: call it inside a task or its callbacks.",
        )
    )


def of_value(at: Coordinate, done: str, error: ExclusiveXComError) -> ExclusiveXComError:
    """Name the XCom in an error about its value. The codec that raised the error does not know the XCom.

    Args:
        at: The XCom.
        done: What was not done: "pushed" or "pulled".
        error: The error; the new error has its type.
    """
    first, _, rest = str(error).partition("\n")
    name = fitted(lambda short: f"{short_xcom(at, short)} was not {done}", most=60)
    together = f"{name}: {_continued(first)}"
    begin = together if len(together) <= FIRST_LINE else f"{name}.\n{first}"
    return type(error)(lines(begin, rest, where(at)))


def _continued(text: str) -> str:
    """Return a sentence as it goes on after a colon."""
    word = text.partition(" ")[0]
    return text[:1].lower() + text[1:] if word in ("The", "A", "An", "It", "This") else text


def _shown_acl(reference: Reference) -> Acl | None:
    """Read the access list of a seal that nobody opened. It is not proven, and it serves a text alone."""
    try:
        return None if reference.seal is None else Acl.loads(reference.seal.acl)
    except InvalidAcl:
        return None
