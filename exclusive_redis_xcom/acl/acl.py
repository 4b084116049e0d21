"""The ACL of a DAG, and the ACL in force for one XCom: the same type with a single, resolved rule."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import canonical, resolution
from exclusive_redis_xcom.acl.rule import NOBODY, DagGraph, Rule, describe_consumers
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta

    from exclusive_redis_xcom.model import Coordinate


_REMEMBERED_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Acl:
    """The rules of a DAG, most specific first, and the policy word for XComs that none of them selects.

    The properties `consumers`, `ttl`, `same_run`, `once`, `source` and `restricted` describe an ACL in force; they
    raise `ValueError` on an ACL with more or fewer than one rule.
    """

    dag_id: str
    rules: tuple[Rule, ...]
    default: str

    def rule_for(self, task_id: str, key: str) -> Rule:
        """The rule that decides alone: the first that selects this XCom, else the default."""
        for rule in self.rules:
            if rule.selects(task_id, key):
                return rule
        return Rule(None, "*", self.default, f"default_consumers ({self.default})", restricted=False)

    def in_force(
        self,
        coordinate: Coordinate,
        graph: DagGraph,
        output_keys: Collection[str] | None = None,
        default_ttl: timedelta | None = None,
    ) -> Acl:
        """The ACL with the one rule that decides for this XCom, its policy word resolved to consumers.

        Args:
            coordinate: The XCom being pushed.
            graph: The DAG's, for `linked` and `downstream`.
            output_keys: For the `return_value` of a task with `multiple_outputs`: the keys it copies. Unless
                the deciding rule names `return_value` itself, the consumers are those of all keys.
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
            for key in sorted(output_keys)
        ]
        return resolution.combine_outputs(own, outputs, self.dag_id) if outputs else own

    def _in_force(self, task_id: str, key: str, default_ttl: timedelta | None) -> Rule:
        rule = self.rule_for(task_id, key)
        return replace(rule, ttl=default_ttl) if rule.ttl is None else rule

    def dumps(self) -> bytes:
        """What the Redis field `acl` holds. Raises InvalidAcl if this is not an ACL in force."""
        return canonical.dump(self.dag_id, self._only_rule())

    @classmethod
    def loads(cls, data: bytes | bytearray | memoryview) -> Acl:
        """The ACL in force that `dumps` wrote. Raises InvalidAcl on anything else."""
        dag_id, rule = canonical.load(data)
        return cls(dag_id, (rule,), NOBODY)

    @classmethod
    def loads_again(cls, data: bytes) -> Acl:
        """As `loads`, remembering what was read last: the results of a mapped task share one list.

        Lists over 16 KiB are read each time, so that what is remembered stays small.
        """
        return _remembered(data) if len(data) <= _REMEMBERED_BYTES else cls.loads(data)

    @property
    def consumers(self) -> tuple[str, ...]:
        """Who may read besides the producer: `task_id` of the same DAG, `dag_id/task_id`, or patterns."""
        consumers = self._only_rule().consumers
        if isinstance(consumers, str):
            raise ValueError(f"The ACL of DAG '{self.dag_id}' is not resolved; call in_force first")
        return consumers

    @property
    def ttl(self) -> timedelta | None:
        """How long the value is kept; None where the rule leaves that to the setting."""
        return self._only_rule().ttl

    @property
    def same_run(self) -> bool:
        """Whether only the run that pushed the value may read it."""
        return self._only_rule().same_run

    @property
    def once(self) -> bool:
        """Whether the first task instance to pull the value, besides its producer, is the only one to get it."""
        return self._only_rule().once

    @property
    def source(self) -> str:
        """Where the rule was written, for people."""
        return self._only_rule().source

    @property
    def restricted(self) -> bool:
        """Whether the XCom has an entry of its own in `xcom_acl`, not only the policy for keys without one."""
        return self._only_rule().restricted

    def consumers_text(self) -> str:
        """Who may read, for references and denials."""
        rule = self._only_rule()
        text = describe_consumers(rule.consumers, self.dag_id)
        if not rule.consumers:
            return text
        return f"{text}{', in the same run' if rule.same_run else ''}{', the first to pull it' if rule.once else ''}"

    def _only_rule(self) -> Rule:
        if len(self.rules) != 1:
            raise ValueError(f"The ACL of DAG '{self.dag_id}' has {len(self.rules)} rules; call in_force first")
        return self.rules[0]


@functools.lru_cache(maxsize=256)
def _remembered(data: bytes) -> Acl:
    return Acl.loads(data)
