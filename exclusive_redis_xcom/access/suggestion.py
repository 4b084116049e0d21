"""The smallest rules that cover what was really read, from the record of reads.

Tasks write the record, so every name in it may be made up. A rule names exact tasks and keys only. What could be read
as a pattern, or as anything else than one task, is left out, and the suggestion says so. A person reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access.access import Access
from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.access.names import TaskName, XComName, is_id
from exclusive_redis_xcom.acl import source as sources
from exclusive_redis_xcom.acl.limits import MAX_KEY_LENGTH
from exclusive_redis_xcom.acl.rule import NOBODY
from exclusive_redis_xcom.formats import observed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.acl import Rule
    from exclusive_redis_xcom.formats.observed import Count, Entry, Observed


@dataclass(frozen=True, slots=True)
class Consumer:
    """A task that has read an XCom.

    Attributes:
        name: As a rule names it: `task`, or `dag/task` for another DAG.
        reads: How often it has read the XCom, and when last.
        refused: How often the rules of that time would have refused it.
    """

    name: str
    reads: Count
    refused: int = 0

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should look at before they let this task read."""
        found = []
        if "/" in self.name:
            found.append("of another DAG")
        if self.refused:
            found.append(f"today's rules would refuse it ({self.refused} times)")
        if not self.name.isascii():
            found.append("the name holds letters outside ASCII")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Suggested:
    """The rule for one XCom. `kept` is the rule of today that sets a TTL, `same_run` or `once`; None if none does."""

    consumers: tuple[Consumer, ...]
    kept: Rule | None = None

    def written(self, key: str) -> Any:
        """Return the rule as it stands in an `xcom_acl`."""
        names = [consumer.name for consumer in self.consumers]
        fields: dict[str, Any] = {"consumers": names}
        if self.kept is not None:
            if self.kept.ttl is not None:
                fields["ttl_seconds"] = int(self.kept.ttl.total_seconds())
            fields |= {name: True for name in ("same_run", "once") if getattr(self.kept, name)}
        # Beside a list, a key of that name would be taken for a field.
        return fields if len(fields) > 1 or key == "consumers" else names


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Rules for one DAG, and what was left out.

    Attributes:
        record: What they come from.
        rules: The rules, by producer and key, sorted.
        left_out: Reads that no rule here covers, each with the reason.
        declared: Reads that a call of `exclusive` in the DAG's file allows, each with the rule. The calls stay.
    """

    record: Observed
    rules: dict[str, dict[str, Suggested]] = field(default_factory=dict)
    left_out: tuple[tuple[Entry, str], ...] = ()
    declared: tuple[tuple[Entry, Rule], ...] = ()

    @property
    def xcom_acl(self) -> dict[str, Any] | None:
        """The param, in the form that DAG files have; None if calls of `exclusive` allow all that was read."""
        if self.declared and not self.rules and not self.left_out:
            return None
        keyed = {
            task_id: {key: rule.written(key) for key, rule in keys.items()} for task_id, keys in self.rules.items()
        }
        return {"*": NOBODY, **keyed}


def suggest(record: Observed, facts: DagFacts | None = None) -> Suggestion:
    """Suggest rules that allow what was read, and nothing else.

    Args:
        record: What was read.
        facts: What the DAG says today. With it, names of tasks are checked, and TTLs, `same_run` and `once` are kept.
    """
    rules: dict[str, dict[str, list[Consumer]]] = {}
    left_out, declared = [], []
    for entry in sorted(record.entries, key=lambda entry: (entry.task_id, entry.key, entry.reader or ("", ""))):
        reads = entry.counts.get(observed.READ)
        if reads is None or not reads.number:
            continue
        if entry.reader == (record.dag_id, entry.task_id):  # a task may always read what it has pushed
            continue
        why = _obstacle(entry, facts)
        by_call = None if why is not None else _declared(facts, entry)
        if by_call is not None:
            declared.append((entry, by_call))
            continue
        if why is not None or entry.reader is None:
            left_out.append((entry, why or "it is not known who asked"))
            continue
        refused = entry.counts.get(observed.WOULD_REFUSE)
        name = _name(entry.reader, record.dag_id)
        consumer = Consumer(name, reads, 0 if refused is None else refused.number)
        rules.setdefault(entry.task_id, {}).setdefault(entry.key, []).append(consumer)
    return Suggestion(
        record,
        {
            task_id: {key: Suggested(tuple(consumers), _kept(facts, task_id, key)) for key, consumers in keys.items()}
            for task_id, keys in rules.items()
        },
        tuple(left_out),
        tuple(declared),
    )


def _name(reader: tuple[str, str], dag_id: str) -> str:
    return reader[1] if reader[0] == dag_id else "/".join(reader)


def _obstacle(entry: Entry, facts: DagFacts | None) -> str | None:
    """Say why a read cannot become a rule; return None if it can."""
    if not _are_ids((entry.task_id, *(entry.reader or ()))):
        return "a name is none that Airflow gives, and could be read as a pattern"
    if "*" in entry.key or len(entry.key) > MAX_KEY_LENGTH or not entry.key.isprintable():
        return "the key would be a pattern, or cannot be shown"
    return None if facts is None or entry.reader is None else _obstacle_in(facts, entry, *entry.reader)


def _obstacle_in(facts: DagFacts, entry: Entry, reader_dag: str, reader: str) -> str | None:
    """Say why a DAG as it is today can have no such rule; return None if it can."""
    if entry.task_id not in facts.tasks:
        return "the DAG has no such producer"
    if reader_dag == facts.dag_id and reader not in facts.tasks:
        return "the DAG has no such reader"
    if reader_dag == facts.dag_id and reader in facts.graph.upstream_of(entry.task_id):
        return "the reader is upstream of the producer, and no rule may name it"
    rule = _declared(facts, entry)
    if rule is None:
        return None
    answer = Access([facts]).can_pull(TaskName(reader_dag, reader), XComName(facts.dag_id, entry.task_id, entry.key))
    return f"{rule.source} is its rule, and refuses it" if answer.verdict is Verdict.NO else None


def _declared(facts: DagFacts | None, entry: Entry) -> Rule | None:
    """Return the rule of an XCom if a call of `exclusive` has declared it: a second rule for it would be an error."""
    rule = None if facts is None else facts.acl.rule_for(entry.task_id, entry.key)
    return rule if rule is not None and rule.restricted and rule.source.startswith(sources.BY_EXCLUSIVE) else None


def _are_ids(texts: Iterable[str]) -> bool:
    return all(is_id(text) and text.isprintable() for text in texts)


def _kept(facts: DagFacts | None, task_id: str, key: str) -> Rule | None:
    rule = None if facts is None else facts.acl.rule_for(task_id, key)
    return rule if rule is not None and (rule.ttl is not None or rule.same_run or rule.once) else None
