"""Assertions about who may pull an XCom. Their messages say what differs, and which rule decides, with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import Verdict
from exclusive_redis_xcom.access.snapshot import Snapshot
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.model import RETURN_KEY
from exclusive_redis_xcom.testing.access import effective_access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exclusive_redis_xcom.access import Answer
    from exclusive_redis_xcom.first_line import Shorten
    from exclusive_redis_xcom.testing.access import Access, Dags

_MOST_LISTED = 20


def assert_can_pull(
    dags: Dags, consumer: str, producer: str, key: str = RETURN_KEY, *, default_consumers: str | None = None
) -> None:
    """Fail unless a task may certainly pull an XCom.

    Args:
        dags: A DAG, several DAGs, or a DAG file or folder.
        consumer: The task that pulls, as `load`, or `dag/load` with several DAGs.
        producer: The task that pushes.
        key: The key.
        default_consumers: The policy word for XComs without a rule. None takes the setting.

    Raises:
        AssertionError: It may not, or that cannot be known.
        UndecidedError: There is no such task or key.
    """
    __tracebackhide__ = True
    answer = _certain(dags, consumer, producer, key, default_consumers)
    if answer.verdict is Verdict.NO:
        _fail(
            lambda short: f"{short(consumer)} may not pull '{short(key)}' of {short(producer)}.",
            f"{answer.reason}.",
            f"If it should pull the value, name {consumer} in that rule.",
        )


def assert_cannot_pull(
    dags: Dags, consumer: str, producer: str, key: str = RETURN_KEY, *, default_consumers: str | None = None
) -> None:
    """Fail unless a task may certainly not pull an XCom.

    Args:
        dags: As for `assert_can_pull`.
        consumer: The task that pulls.
        producer: The task that pushes.
        key: The key.
        default_consumers: As for `assert_can_pull`.

    Raises:
        AssertionError: It may, or that cannot be known.
        UndecidedError: There is no such task or key.
    """
    __tracebackhide__ = True
    answer = _certain(dags, consumer, producer, key, default_consumers)
    if answer.verdict is Verdict.YES:
        _fail(
            lambda short: f"{short(consumer)} may pull '{short(key)}' of {short(producer)}.",
            f"{answer.reason}.",
            f"If it should not, write a rule that leaves {consumer} out.",
        )


def assert_only(
    dags: Dags, producer: str, key: str, consumers: Iterable[str], *, default_consumers: str | None = None
) -> None:
    """Fail unless exactly these tasks may pull an XCom, besides its producer.

    Args:
        dags: As for `assert_can_pull`.
        producer: The task that pushes.
        key: The key.
        consumers: Who may pull it. A task or pattern of DAGs that are not here is named as the rule names it, as in
            `reports/*`.
        default_consumers: As for `assert_can_pull`.

    Raises:
        AssertionError: Somebody else may pull it, or one of these may not.
        UndecidedError: There is no such task or key, or it cannot be known who may pull it.
        TypeError: `consumers` is one text.
    """
    __tracebackhide__ = True
    if isinstance(consumers, str):
        raise TypeError(f"assert_only takes a set of tasks. Write {{{consumers!r}}}.")
    access = effective_access(dags, default_consumers=default_consumers)
    xcom = access.xcom(producer, key)
    expected = {_of_one_dag(access, name, xcom.dag_id) for name in consumers} - {producer}
    access.require(name for name in expected if "*" not in name)
    found = access.consumers(producer, key)
    if found == expected:
        return
    lines = [
        *(f"  + {name} may pull it, and is not expected" for name in sorted(found - expected)),
        *(f"  - {name} may not pull it, and is expected" for name in sorted(expected - found)),
    ]
    rule = access.model.in_force(xcom)
    _fail(
        lambda short: f"Other tasks than expected may pull '{short(key)}' of {short(producer)}.",
        *lines,
        f"The rule is {rule.source}.",
    )


def assert_every_key_has_a_rule(
    dags: Dags, *, ignore: Iterable[str] = (), default_consumers: str | None = None
) -> None:
    """Fail if an XCom has no entry of `xcom_acl` but the policy for all keys (`"*"`), or `default_consumers`.

    Keys that code computes count, too: a rule with a pattern of keys, such as `{"extract": {"*": [...]}}`, covers them.

    Args:
        dags: As for `assert_can_pull`.
        ignore: XComs that need no rule, as `extract:return_value`, or `dag/extract:return_value` with several DAGs. The
            key `*` stands for the keys that code computes.
        default_consumers: As for `assert_can_pull`.

    Raises:
        AssertionError: An XCom has no such entry.
        ValueError: `ignore` names an XCom that needs no exception.
    """
    __tracebackhide__ = True
    access = effective_access(dags, default_consumers=default_consumers)
    several = len(access.model.dags) > 1
    without = {}
    for dag_id, task_id, key in Snapshot.of(access.model.dags).xcoms():
        rule = access.model.dags[dag_id].acl.rule_for(task_id, key)
        if not rule.restricted:
            without[f"{dag_id}/{task_id}:{key}" if several else f"{task_id}:{key}"] = rule.source
    unused = sorted(set(ignore) - without.keys())
    if unused:
        raise ValueError(f"These XComs have a rule, or are not known: {', '.join(unused)}. Do not ignore them.")
    missing = sorted(without.keys() - set(ignore))
    if missing:
        more = len(missing) - _MOST_LISTED
        lines = [f"  {name}: {without[name]} decides" for name in missing[:_MOST_LISTED]]
        lines += [f"  and {more} more"] if more > 0 else []
        lines.append("Add entries to xcom_acl. The key '*' stands for all keys that code computes.")
        _fail(lambda _: f"XComs without a rule: {len(missing)}.", *lines)


def _of_one_dag(access: Access, name: str, dag_id: str) -> str:
    return name.removeprefix(f"{dag_id}/") if list(access.model.dags) == [dag_id] else name


def _cannot_know(consumer: str, producer: str, key: str, reason: str) -> None:
    __tracebackhide__ = True
    _fail(
        lambda short: f"Whether {short(consumer)} may pull '{short(key)}' of {short(producer)} cannot be known.",
        f"{reason}.",
        "Ask about what the rules and the code tell for certain.",
    )


def _certain(dags: Dags, consumer: str, producer: str, key: str, default_consumers: str | None) -> Answer:
    """Return the answer to a question; fail where it is not certain."""
    __tracebackhide__ = True
    answer = effective_access(dags, default_consumers=default_consumers).answer(consumer, producer, key)
    if answer.verdict is Verdict.MAYBE:
        _cannot_know(consumer, producer, key, answer.reason)
    return answer


def _fail(first: Callable[[Shorten], str], *further: str) -> None:
    __tracebackhide__ = True
    raise AssertionError("\n".join((fitted(first), *further)))
