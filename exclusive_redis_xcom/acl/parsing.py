"""Read what a DAG author writes under `xcom_acl` into an `Acl`. docs/reference/acl.md is the reference of the language.

Two forms share one dict: `{producer: {key: rule}}` and the flat `{key: rule}`. Where a name could mean either, the
entry is refused, and the error shows how to write both. A guess would leave an XCom open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from exclusive_redis_xcom.acl.acl import Acl
from exclusive_redis_xcom.acl.entry import FIELDS, POLICY_FIELDS, RuleParser, Where, check_name
from exclusive_redis_xcom.acl.glob import is_pattern
from exclusive_redis_xcom.acl.limits import MAX_CONSUMERS_OF_ALL, MAX_ID_LENGTH, MAX_KEY_LENGTH, MAX_RULES
from exclusive_redis_xcom.acl.rule import POLICY_WORDS, Rule
from exclusive_redis_xcom.errors import InvalidAcl

if TYPE_CHECKING:
    from collections.abc import Collection

#: A longer rule is not repeated in an error.
_MOST_WRITTEN = 500

_SHAPE = (
    "Write a dict: {'producer_task': {'xcom_key': ['consumer_task']}}, or {'xcom_key': ['consumer_task']} for that "
    "key of any task."
)


def parse(raw: object, *, dag_id: str, task_ids: Collection[str], default_consumers: str) -> Acl:
    """Read an `xcom_acl`.

    Args:
        raw: What the DAG's author wrote.
        dag_id: The DAG whose XComs the rules are about.
        task_ids: The DAG's tasks, to tell a producer from a key. `declaration.validation` checks that all ids exist.
        default_consumers: The policy word for XComs without a rule.

    Raises:
        InvalidAcl: The `xcom_acl` is not well-formed. The text names the DAG, the entry and the fix.
    """
    if default_consumers not in POLICY_WORDS:
        raise InvalidAcl(f"default_consumers is {default_consumers!r:.60}.\nAccepted are {', '.join(POLICY_WORDS)}.")
    where = Where(dag_id)
    if not isinstance(raw, dict):
        where.fail(f"it must be a dict, not {_a_type(raw)}.", _SHAPE)
    known = frozenset(task_ids)
    rules: list[Rule] = []
    consumers = 0
    for name, value in raw.items():
        entry = _entry(name, value, where, known)
        rules += entry
        consumers += sum(len(rule.consumers) for rule in entry if not isinstance(rule.consumers, str))
        if len(rules) > MAX_RULES:
            where.fail(f"it has more than {MAX_RULES} rules.", "Use patterns.")
        if consumers > MAX_CONSUMERS_OF_ALL:
            where.fail(f"its rules have more than {MAX_CONSUMERS_OF_ALL} consumers together.", "Use patterns.")
    return Acl(dag_id, tuple(sorted(rules, key=Rule.specificity)), default_consumers)


def _entry(name: Any, value: Any, where: Where, task_ids: frozenset[str]) -> list[Rule]:
    entry = where.at(name)
    known_task = isinstance(name, str) and name in task_ids
    if isinstance(value, dict) and not _is_rule_object(name, value, known_task):
        return _producer(name, value, entry)
    check_name(name, "XCom key", MAX_KEY_LENGTH, entry)
    if known_task:
        _refuse_task_as_key(name, value, entry)
    return [RuleParser(entry).rule(None, name, value)]


def _producer(producer: Any, keys: dict[Any, Any], where: Where) -> list[Rule]:
    check_name(producer, "producer task id", MAX_ID_LENGTH, where)
    if "/" in producer:
        where.fail(
            "the producer must be a task of this DAG.",
            "Write its id without the DAG's id. Another DAG declares its own rules.",
        )
    if not keys:
        where.fail("no XCom key is named.", f"Write {{{producer!r}: {{'return_value': ['consumer_task']}}}}.")
    if len(keys) > MAX_RULES:
        where.fail(f"it has more than {MAX_RULES} rules.", "Use patterns.")
    return [_keyed_rule(producer, key, value, where.at(key)) for key, value in keys.items()]


def _keyed_rule(producer: str, key: Any, value: Any, where: Where) -> Rule:
    check_name(key, "XCom key", MAX_KEY_LENGTH, where)
    return RuleParser(where).rule(producer, key, value)


def _is_rule_object(name: Any, value: dict[Any, Any], known_task: bool) -> bool:
    """Return whether a dict under a top-level name is one rule; otherwise it maps keys to rules.

    A misspelt field must be reported as a field, not as an odd key. So a dict with `consumers` is read as a rule if the
    name is no task of the DAG. It is also read as a rule if a field's value can be no rule. `RuleParser` then refuses
    it.
    """
    if "consumers" not in value or isinstance(value["consumers"], dict):
        return False
    if value.keys() <= set(POLICY_FIELDS if name == "*" else FIELDS):
        return True
    if known_task:
        return False
    return not is_pattern(str(name)) or any(not isinstance(v, (list, tuple, dict, str)) for v in value.values())


def _refuse_task_as_key(name: str, value: Any, where: Where) -> NoReturn:
    rule = _as_written(value)
    hint = (
        f" For a key named 'consumers', write {{{name!r}: {{'consumers': {rule}}}}}." if isinstance(value, dict) else ""
    )
    where.fail(
        "it names a task and no XCom key.",
        f"{name!r} is a task of this DAG. But {{{name!r}: {rule}}} is a rule for the XCom key {name!r} of any task. It "
        "would not protect what the task pushes.",
        f"For what the task returns, write {{{name!r}: {{'return_value': {rule}}}}}. For all its keys, write "
        f"{{{name!r}: {{'*': {rule}}}}}. For the key {name!r} of any task, write {{'*': {{{name!r}: {rule}}}}}."
        f"{hint if isinstance(value, dict) else ''}",
        fault="task-as-key",
    )


def _as_written(rule: Any) -> str:
    """Return a rule to paste: what the author wrote, as far as that is one."""
    if isinstance(rule, str):
        return repr(rule) if rule in POLICY_WORDS else repr([rule[:MAX_ID_LENGTH]])
    written = repr(list(rule)) if isinstance(rule, (list, tuple)) else repr(rule)
    return written if isinstance(rule, (list, tuple, dict)) and len(written) <= _MOST_WRITTEN else "['consumer_task']"


def _a_type(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__:.40}"
