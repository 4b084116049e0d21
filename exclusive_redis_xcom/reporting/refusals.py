"""The texts of refusals, and how they are logged and counted. They stand in one place to stay consistent.

Each text names the XCom, who asked, who may, and what to do. No text can hold a value, because no function here gets
one.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.errors import (
    ExclusiveXComError,
    InvalidAcl,
    InvalidReference,
    XComAccessDenied,
    XComAlreadyClaimed,
    XComExpired,
    XComMissing,
    XComSealed,
)
from exclusive_redis_xcom.formats import seal
from exclusive_redis_xcom.reporting import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate, Decision, Principal

log = logging.getLogger("exclusive_redis_xcom")

#: Why nobody opened a sealed value, and what to do, by the kind of process that pulls (`process.kind`).
_NOBODY = {
    "task": "no API server with the ring of exclusive-redis-xcom answered. Run `exclusive-xcom doctor` on this worker: "
    "it says what is missing, and where.",
    "dag_test": "dag.test() runs without an API server. Put a key pair for development into this process's environment "
    "(`exclusive-xcom keygen` prints one), or set AIRFLOW__EXCLUSIVE_REDIS_XCOM__ENFORCEMENT=worker for the test.",
    "triggerer": "triggers run without an API server that could check who asks. Pull in the task before it defers or "
    "after it resumes, and hand the value to the trigger.",
    "dag_processor": "callbacks in the DAG processor run without an API server that could check who asks. Pull in a "
    "task, or in a callback that runs in the task's own process.",
}

#: What the ring's reasons mean. Reasons that have an error type or a text of their own are not here.
_WHY_SEALED = {
    seal.NOT_RUNNING: "the API server opens values for running task instances only. This one is over or was cleared; "
    "callbacks on success and on retry run after it. Pull in the task itself.",
    seal.UNKNOWN_KEY: "the API server no longer has the private key that opens it. Put that key back into "
    "seal_private_keys, after the newest, or clear the producing task.",
    seal.WITHHELD: "another value of the same pull was refused, so this read-once value was not claimed. Pull it "
    "alone.",
    seal.DENIED: "the API server knows this task by another identity than this process does. Run "
    "`exclusive-xcom doctor`.",
}

#: How a refused write is worded, by what the task wanted.
_WRITES = {"push": ("pushed", "Return or xcom_push the value"), "remove": ("removed", "Remove the XCom")}
#: How many runs the warning of a look-back names.
_SHOWN_RUNS = 5

_UNKNOWN = "a task whose identity could not be established"


def pull_denied(
    coordinate: Coordinate, principal: Principal | None, decision: Decision, acl: Acl | None
) -> XComAccessDenied:
    """Word the refusal of a pull; `decision.reason` says who may."""
    return XComAccessDenied(
        f"{coordinate} may not be pulled by {_who(principal, coordinate)}: {decision.reason}. "
        f"{_remedy(coordinate, principal, acl)}"
    )


def already_claimed(coordinate: Coordinate, principal: Principal | None, by: str) -> XComAlreadyClaimed:
    """Word the refusal of a read-once value that another task instance has claimed."""
    return XComAlreadyClaimed(
        f"{coordinate} may be read once, and {by or 'another task instance'} has claimed it. "
        f"Only the first task instance may pull it, so {_who(principal, coordinate)} may not. "
        f"Clear task '{coordinate.task_id}' of that run to push it again."
    )


def sealed(reference: Reference, principal: Principal | None, process: str) -> ExclusiveXComError:
    """Make the error to raise for a sealed value that was not opened.

    Args:
        reference: It holds the ring's reason if the ring answered.
        principal: Who asks, as this process knows it.
        process: The kind of process that pulls (`process.kind`).
    """
    at = reference.coordinate
    refused = None if reference.seal is None else reference.seal.refused
    reason = None if refused is None else refused.reason
    if reason == seal.FORGED:
        return InvalidReference(
            f"The row of {at} holds a reference with the seal of another XCom: it was edited or forged. Clear the "
            "producing task."
        )
    if reason == seal.GONE:
        return expired(reference)
    if refused is not None and reason == seal.CLAIMED:
        return already_claimed(at, principal, refused.by or "")
    acl = _shown_acl(reference)
    decision = decide(acl, at, principal)
    if acl is not None and principal is not None and not decision.allowed and reason in (None, seal.DENIED):
        return pull_denied(at, principal, decision, acl)
    why = _NOBODY.get(process, _NOBODY["task"]) if reason is None else _WHY_SEALED[reason]
    return XComSealed(f"{at} is sealed and was not opened for {_who(principal, at)}: {why}")


def plain_row(what: str) -> InvalidReference:
    """Word the refusal of a row without a reference where all values are sealed."""
    return InvalidReference(
        f"The row of {what} holds a plain value, but all values are sealed here. It was written past the XCom backend "
        "(over REST, or by a trigger that ended its task), or before sealing was switched on. Clear the task that "
        "pushes it, or set [exclusive_redis_xcom] allow_plaintext_read to read such rows."
    )


def write_denied(coordinate: Coordinate, principal: Principal | None, action: str) -> XComAccessDenied:
    """Word the refusal of a push or removal (`action`: "push" or "remove") under another task's coordinate."""
    done, remedy = _WRITES[action]
    return XComAccessDenied(
        f"{coordinate} may not be {done} by {_who(principal, coordinate)}. A task instance writes and removes only its "
        f"own XComs. {remedy} in the task instance that owns it."
    )


def unknown_acl(coordinate: Coordinate) -> XComAccessDenied:
    """Word the refusal of a push by a process that has not parsed the DAG file and so does not know the rules."""
    return XComAccessDenied(
        f"{coordinate} was not pushed: this process has not parsed DAG '{coordinate.dag_id}', so the XCom's consumers "
        "are unknown. Push from the task itself or its callbacks."
    )


def of_value(coordinate: Coordinate, done: str, error: ExclusiveXComError) -> ExclusiveXComError:
    """Name the XCom in an error about its value. The codec that raised the error does not know the XCom.

    Args:
        coordinate: The XCom.
        done: What was not done: "pushed" or "pulled".
        error: The error; the new error has its type.
    """
    return type(error)(f"{coordinate} was not {done}. {error}")


def expired(reference: Reference) -> XComExpired:
    """Word the error of a reference whose value is gone."""
    return XComExpired(
        f"{reference.coordinate} is no longer in Redis. {_pushed(reference)} It expired, or it was evicted, removed or "
        "lost: Redis cannot tell which. An eviction policy other than 'noeviction' drops live values early. "
        f"Clear task '{reference.coordinate.task_id}' of that run to push it again."
    )


def superseded(reference: Reference) -> XComExpired:
    """Word the error of a reference whose value a later push has replaced. Airflow's database may not know it yet."""
    return XComExpired(
        f"{reference.coordinate} was replaced in Redis by a later push. The value that Airflow's database refers to is "
        f"gone. {_pushed(reference)} If task '{reference.coordinate.task_id}' is running again, retry after it. "
        "Otherwise clear that task."
    )


def missing(at: Coordinate, *, prior_dates: bool, near: Sequence[str], of: int) -> XComMissing:
    """Word the error of a required XCom of which Airflow has no row.

    Args:
        at: The XCom.
        prior_dates: Whether earlier runs were asked for, too.
        near: Names of the DAG that the author may have meant, as "key 'token'".
        of: How many XComs the pull misses.
    """
    guess = f": did you mean {' or '.join(near)}?" if near else "."
    others = f" The pull misses {of} XComs in all." if of > 1 else ""
    return XComMissing(
        f"No XCom '{at.key}' of task '{at.task_id}'{guess}\n"
        f"Airflow has no row of {at}{' or an earlier run' if prior_dates else ''}.{others} The task did not push that "
        "key, returned None, was skipped, failed or is not over.\n"
        "Correct the name, or let the task push the key first. Without required=True the pull returns None."
    )


def no_task_pulls() -> XComAccessDenied:
    """Word the refusal of `exclusive_redis_xcom.pull` where no task runs."""
    return XComAccessDenied(
        f"pull() was called by {_UNKNOWN}. It pulls as the task that runs: call it inside a task or its callbacks."
    )


def report_pull(coordinate: Coordinate, error: XComAccessDenied, *, would_only: bool) -> None:
    """Log and count a refused pull.

    Args:
        coordinate: The XCom.
        error: The refusal.
        would_only: Whether it is only reported (`mode = report`).
    """
    metric = metrics.PULL_WOULD_BE_REFUSED if would_only else metrics.PULL_REFUSED
    log.warning("XCom pull %s: %s", "would be refused" if would_only else "refused", error)
    metrics.count(metric, dag_id=coordinate.dag_id, task_id=coordinate.task_id)


def report_sealed(reference: Reference, error: ExclusiveXComError) -> None:
    """Log that a sealed value was not opened. Count it unless the API server has counted it."""
    refused_by_server = reference.seal is not None and reference.seal.refused is not None
    log.warning("XCom pull refused: %s", error)
    if not refused_by_server:
        at = reference.coordinate
        metrics.count(metrics.PULL_REFUSED, dag_id=at.dag_id, task_id=at.task_id)


def report_gone(gone: Sequence[Reference], *, of: Sequence[Reference]) -> None:
    """Log how many values a look-back goes without; without such a value do nothing.

    Args:
        gone: References whose values Redis no longer has.
        of: All references of the pull. Airflow 3.1 repeats rows of earlier runs, and each row counts once.
    """
    if not gone:
        return
    at = gone[0].coordinate
    missing, asked = ({reference.coordinate for reference in some} for some in (gone, of))
    runs = sorted({coordinate.run_id for coordinate in missing})
    more = f" and {len(runs) - _SHOWN_RUNS} more" if len(runs) > _SHOWN_RUNS else ""
    log.warning(
        "XCom pull goes without %d of %d values: Redis no longer has those of earlier runs.\n"
        "XCom '%s' of task '%s' in DAG '%s'; runs %s.\n"
        "A longer ttl keeps values for pulls with include_prior_dates. Clear the task in such a run to have its value.",
        len(missing),
        len(asked),
        at.key,
        at.task_id,
        at.dag_id,
        ", ".join(f"'{run_id}'" for run_id in runs[:_SHOWN_RUNS]) + more,
    )


def report_write(coordinate: Coordinate, error: XComAccessDenied) -> None:
    """Log and count a refused push or removal."""
    log.warning("XCom write refused: %s", error)
    metrics.count(metrics.WRITE_REFUSED, dag_id=coordinate.dag_id, task_id=coordinate.task_id)


def _shown_acl(reference: Reference) -> Acl | None:
    """Read the access list of a seal that nobody opened. It is not proven, and it serves a text alone."""
    try:
        return None if reference.seal is None else Acl.loads(reference.seal.acl)
    except InvalidAcl:
        return None


def _who(principal: Principal | None, coordinate: Coordinate) -> str:
    if principal is None:
        return _UNKNOWN
    if (principal.dag_id, principal.run_id) == (coordinate.dag_id, coordinate.run_id):
        return str(principal).partition(" of DAG ")[0] + " of the same run"
    return str(principal)


def _remedy(coordinate: Coordinate, principal: Principal | None, acl: Acl | None) -> str:
    if principal is None:
        return "XComs can be pulled by tasks, their templates and their callbacks."
    if acl is None:
        return f"Clear task '{coordinate.task_id}' of that run so that value and access list are written again."
    if decide(acl, coordinate, replace(principal, run_id=coordinate.run_id)).allowed:
        return f"Pull it from a task of run '{coordinate.run_id}', or take same_run out of the rule."
    if acl.source.startswith("multiple_outputs"):
        return (
            f"'{coordinate.key}' holds a copy of all outputs, so only a consumer of every key may pull it. Pull single "
            "keys, or name the task as a consumer of every key."
        )
    same_dag = principal.dag_id == coordinate.dag_id
    consumer = principal.task_id if same_dag else f"{principal.dag_id}/{principal.task_id}"
    return (
        f"To allow this pull, name '{consumer}' as a consumer in DAG '{coordinate.dag_id}', for example "
        f"params={{'xcom_acl': {{'{coordinate.task_id}': {{'{coordinate.key}': [..., '{consumer}']}}}}}}. Then clear "
        f"task '{coordinate.task_id}', so that the value is pushed under the new rule."
    )


def _pushed(reference: Reference) -> str:
    seconds = int(reference.ttl.total_seconds())
    return f"It was pushed at {reference.pushed_at.isoformat(timespec='seconds')} with a TTL of {seconds} s."
