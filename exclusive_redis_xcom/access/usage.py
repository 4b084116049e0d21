"""Which grants were used: the rules of a DAG, beside the record of reads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.acl.rule import NOBODY, matching_consumer
from exclusive_redis_xcom.formats import observed
from exclusive_redis_xcom.formats.observed import Count
from exclusive_redis_xcom.model import Principal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.acl import Rule
    from exclusive_redis_xcom.formats.observed import Entry, Observed

#: Questions are not about a run.
_RUN = "run"


@dataclass(frozen=True, slots=True)
class Use:
    """How a rule, or one consumer of it, was used.

    Attributes:
        dag_id: The DAG that has the rule.
        rule: The rule.
        consumer: The consumer, as the rule names it, or the rule's policy word.
        reads: How often a task that it names has read an XCom that the rule decides about, and when last.
        verdict: Whether it was used. `MAYBE`: the record does not tell, because there is none, or it was full.
    """

    dag_id: str
    rule: Rule
    consumer: str
    reads: Count
    verdict: Verdict


def uses(facts: DagFacts, record: Observed | None) -> Iterator[Use]:
    """Yield all consumers of a DAG's rules, with what was read.

    Args:
        facts: What the DAG says today.
        record: What was recorded of the DAG's XComs; None if there is nothing.
    """
    reads = [] if record is None else [entry for entry in record.entries if observed.READ in entry.counts]
    by_rule: dict[int, list[Entry]] = defaultdict(list)  # by `id`: two rules of a DAG may be equal
    for entry in reads:
        by_rule[id(facts.acl.rule_for(entry.task_id, entry.key))].append(entry)
    for rule in facts.acl.rules:
        decided = by_rule.get(id(rule), [])
        if isinstance(rule.consumers, str):
            if rule.consumers != NOBODY:
                yield _use(facts, rule, rule.consumers, decided, record)
            continue
        for consumer in rule.consumers:
            matching = [entry for entry in decided if _names(consumer, entry, facts.dag_id)]
            yield _use(facts, rule, consumer, matching, record)


def _use(facts: DagFacts, rule: Rule, consumer: str, entries: list[Entry], record: Observed | None) -> Use:
    counts = [entry.counts[observed.READ] for entry in entries]
    reads = Count(sum(count.number for count in counts), max((count.last_ms for count in counts), default=0))
    if reads.number:
        verdict = Verdict.YES
    else:
        is_known = record is not None and record.reads_since_ms is not None and not record.lost
        verdict = Verdict.NO if is_known and record is not None and not record.unreadable else Verdict.MAYBE
    return Use(facts.dag_id, rule, consumer, reads, verdict)


def _names(consumer: str, entry: Entry, dag_id: str) -> bool:
    if entry.reader is None:
        return False
    return matching_consumer((consumer,), dag_id, Principal(*entry.reader, _RUN, -1)) is not None
