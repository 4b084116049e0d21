"""The shapes that tasks, XComs and rules have in JSON and YAML. docs/reference/access.md has them, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl import source as sources

if TYPE_CHECKING:
    from exclusive_redis_xcom.access import Answer
    from exclusive_redis_xcom.acl import Rule


def of_task(dag_id: str, task_id: str) -> dict[str, Any]:
    """Write a task. Both may be patterns."""
    return {"dag_id": dag_id, "task_id": task_id}


def of_name(name: str) -> dict[str, Any]:
    """Write a task, or a pattern of tasks, that is named `dag/task`."""
    dag_id, _, task_id = name.partition("/")
    return of_task(dag_id, task_id)


def of_xcom(dag_id: str, task_id: str, key: str, run_id: str | None = None) -> dict[str, Any]:
    """Write an XCom: that of one run, or without `run_id` that of any run."""
    xcom = {**of_task(dag_id, task_id), "key": key}
    return xcom if run_id is None else {**xcom, "run_id": run_id}


def of_rule(rule: Rule) -> dict[str, Any]:
    """Write a rule. `consumers` is a policy word or a list, as the rule has it."""
    return {
        **of_source(rule.source),
        "consumers": rule.consumers if isinstance(rule.consumers, str) else list(rule.consumers),
        "ttl_seconds": None if rule.ttl is None else int(rule.ttl.total_seconds()),
        "same_run": rule.same_run,
        "once": rule.once,
    }


def of_source(text: str) -> dict[str, Any]:
    """Write what is known of a rule where only its source is."""
    source = sources.read(text)
    return {"source": text, "place": None if source is None else source.place}


def of_answer(answer: Answer) -> dict[str, Any]:
    """Write an answer."""
    return {
        "consumer": of_task(*answer.consumer),
        "xcom": of_xcom(*answer.xcom),
        "verdict": answer.verdict.value,
        "reason": answer.reason,
        "conditions": list(answer.conditions),
        "rule": None if answer.rule is None else of_rule(answer.rule),
    }
