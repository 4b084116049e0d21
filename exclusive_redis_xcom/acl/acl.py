"""The ACL of a DAG, and the ACL in force for one XCom. Both have one type; an ACL in force has one resolved rule."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import canonical, resolution
from exclusive_redis_xcom.acl.rule import NOBODY, DagGraph, Rule
from exclusive_redis_xcom.acl.rule_index import RuleIndex
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import timedelta

    from exclusive_redis_xcom.model import Coordinate


_REMEMBERED_BYTES = 16 * 1024
#: With so few rules, asking each takes less time than an index.
_FEW_RULES = 8


class _Indexed:
    """Holds the index of an ACL's rules, once it is made. Most ACLs have one rule, and need none."""

    __slots__ = ("_index",)
    _index: RuleIndex


@dataclass(frozen=True, slots=True)
class Acl(_Indexed):
    """The rules of a DAG, most specific first, and the policy word for XComs that no rule selects.

    The properties `consumers`, `ttl`, `same_run`, `once`, `source` and `restricted` describe an ACL in force. On an ACL
    with more or fewer than one rule they raise `ValueError`.
    """

    dag_id: str
    rules: tuple[Rule, ...]
    default: str

    def rule_for(self, task_id: str, key: str) -> Rule:
        """Return the one rule that decides: the first that selects this XCom, else the default."""
        if len(self.rules) > _FEW_RULES:
            found = self._indexed().first(task_id, key)
            if found is not None:
                return found
        else:
            for rule in self.rules:
                if rule.selects(task_id, key):
                    return rule
        return Rule(None, "*", self.default, f"default_consumers ({self.default})", restricted=False)

    def rules_about(self, task_id: str) -> Iterable[Rule]:
        """Return the rules that may decide about an XCom of a task, most specific first, without the default."""
        if len(self.rules) > _FEW_RULES:
            return self._indexed().about(task_id)
        return [rule for rule in self.rules if rule.is_about(task_id)]

    def _indexed(self) -> RuleIndex:
        try:
            return self._index
        except AttributeError:
            index = RuleIndex(self.rules)
            object.__setattr__(self, "_index", index)
            return index

    def in_force(
        self,
        coordinate: Coordinate,
        graph: DagGraph,
        output_keys: Collection[str] | None = None,
        default_ttl: timedelta | None = None,
    ) -> Acl:
        """Return the ACL in force: the one rule that decides for this XCom, its policy word resolved to consumers.

        Args:
            coordinate: The XCom being pushed.
            graph: The DAG's graph, for `linked` and `downstream`.
            output_keys: The keys that `return_value` copies, for a task with `multiple_outputs`. Unless the deciding
                rule names `return_value` itself, only consumers of all these keys may read the copy.
            default_ttl: The TTL of rules that set none; None leaves their TTL open.
        """
        rule = self._in_force(coordinate.task_id, coordinate.key, default_ttl)
        own = resolution.resolve(rule, coordinate, graph)
        if output_keys is not None and coordinate.key == RETURN_KEY and rule.key != RETURN_KEY:
            own = self._narrowed(own, coordinate, graph, output_keys, default_ttl)
        return Acl(self.dag_id, (own,), NOBODY)

    def _narrowed(
        self,
        own: Rule,
        coordinate: Coordinate,
        graph: DagGraph,
        output_keys: Collection[str],
        default_ttl: timedelta | None,
    ) -> Rule:
        outputs = [
            resolution.resolve_output(
                self._in_force(coordinate.task_id, key, default_ttl), replace(coordinate, key=key), graph
            )
            for key in sorted(map(str.__str__, output_keys))  # a subclass could answer comparisons as it likes
        ]
        return resolution.combine_outputs(own, outputs, self.dag_id) if outputs else own

    def _in_force(self, task_id: str, key: str, default_ttl: timedelta | None) -> Rule:
        rule = self.rule_for(task_id, key)
        return replace(rule, ttl=default_ttl) if rule.ttl is None else rule

    def dumps(self) -> bytes:
        """Write what the Redis field `acl` holds. Raises InvalidAcl if this is not an ACL in force."""
        return canonical.dump(self.dag_id, self._only_rule())

    @classmethod
    def loads(cls, data: bytes | bytearray | memoryview) -> Acl:
        """Read the ACL in force that `dumps` wrote. Raises InvalidAcl on anything else."""
        dag_id, rule = canonical.load(data)
        return cls(dag_id, (rule,), NOBODY)

    @classmethod
    def loads_again(cls, data: bytes) -> Acl:
        """Do the same as `loads`, but remember the last lists: the results of a mapped task share one list.

        A list over 16 KiB is read each time, so that little memory is needed.
        """
        return _remembered(data) if len(data) <= _REMEMBERED_BYTES else cls.loads(data)

    @property
    def consumers(self) -> tuple[str, ...]:
        """Who may read besides the producer: `task_id` of the same DAG, `dag_id/task_id`, or patterns of these."""
        consumers = self._only_rule().consumers
        if isinstance(consumers, str):
            raise ValueError(f"The ACL of DAG '{self.dag_id}' is not resolved; call in_force first")
        return consumers

    @property
    def ttl(self) -> timedelta | None:
        """How long the value is kept; None where the setting decides."""
        return self._only_rule().ttl

    @property
    def same_run(self) -> bool:
        """Whether only tasks of the run that pushed the value may read it."""
        return self._only_rule().same_run

    @property
    def once(self) -> bool:
        """Whether only the first task instance that pulls the value gets it, besides the producer."""
        return self._only_rule().once

    @property
    def source(self) -> str:
        """The place where the rule was written, for people."""
        return self._only_rule().source

    @property
    def restricted(self) -> bool:
        """Whether an entry of `xcom_acl` is about the XCom, and not only the policy for keys without an entry."""
        return self._only_rule().restricted

    def _only_rule(self) -> Rule:
        if len(self.rules) != 1:
            raise ValueError(f"The ACL of DAG '{self.dag_id}' has {len(self.rules)} rules; call in_force first")
        return self.rules[0]


@functools.lru_cache(maxsize=256)
def _remembered(data: bytes) -> Acl:
    return Acl.loads(data)
