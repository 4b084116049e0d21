"""Freeze a DAG's ACL: what the DAG file says is in force, never what a trigger says.

Airflow calls the `dag_policy` hook when it parses a DAG file, in the DAG processor and in every task process. Only
later does a run's conf replace params. So the hook reads and checks the ACL, and keeps it for the process.
"""

from __future__ import annotations

import warnings
import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl import LINKED, Acl, DagGraph, parse
from exclusive_redis_xcom.declaration.graph import AirflowDagGraph
from exclusive_redis_xcom.declaration.param import PARAM, DeclaredAcl
from exclusive_redis_xcom.declaration.places import with_places
from exclusive_redis_xcom.declaration.validation import AclWarning, check
from exclusive_redis_xcom.errors import InvalidAcl

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import timedelta

    from airflow.sdk import DAG

    from exclusive_redis_xcom.model import Coordinate


@dataclass(frozen=True, slots=True, eq=False)
class FrozenAcl:
    """A DAG's ACL, as its file was parsed, and the graph that resolves its policy words."""

    acl: Acl
    graph: DagGraph

    def in_force(
        self,
        coordinate: Coordinate,
        output_keys: Collection[str] | None = None,
        default_ttl: timedelta | None = None,
    ) -> Acl:
        """Return the one rule in force for an XCom; see `Acl.in_force`."""
        return self.acl.in_force(coordinate, self.graph, output_keys, default_ttl)


# Keyed by the address of the DAG object: DAGs compare by their fields, and several objects may have one dag_id. The
# weak reference tells a DAG from a later one at the same address.
# An error marks a DAG whose params a run's conf may have changed: nothing brings the file's values back.
_by_dag: dict[int, tuple[weakref.ref[Any], FrozenAcl | InvalidAcl]] = {}
_by_dag_id: dict[str, FrozenAcl] = {}

_CONF = (
    "DAG '{}': a run's conf holds 'xcom_acl', and Airflow may have replaced what the DAG file says with it. An ACL is "
    "declared in the DAG file only. Parse the DAG file again and run it without 'xcom_acl' in the conf"
)


def freeze(dag: DAG, *, default_consumers: str) -> FrozenAcl:
    """Read, check and keep a DAG's ACL, and fix its param. A second call changes nothing.

    Airflow's policy hook calls this (`airflow/policy.py`).

    Args:
        dag: A DAG as its file made it, before any run.
        default_consumers: The policy word for XComs without a rule.

    Raises:
        InvalidAcl: The ACL is wrong. The text names the DAG, the entry and the fix.
    """
    known = _remembered(dag)
    declared = DeclaredAcl(dag)
    if known is None or known.acl.default != default_consumers or declared.is_changeable:
        known = _read(dag, declared, default_consumers)
        declared.fix()
    _remember(dag, known)
    return known


def frozen_acl(
    dag: DAG, run_conf: Mapping[str, Any] | None = None, *, default_consumers: str | None = None
) -> FrozenAcl:
    """Return the ACL of a DAG object of this process.

    A DAG that the policy has not seen, such as the one of `dag.test()`, is read now and is not changed. Its params may
    already hold values of the run's conf; nothing tells those from the DAG file's.

    Args:
        dag: The running task's DAG.
        run_conf: The run's conf.
        default_consumers: The policy word for a DAG that is read now; None takes the setting.

    Raises:
        InvalidAcl: The ACL is wrong, or the run's conf may have replaced it.
    """
    known = _remembered(dag)
    if known is not None:
        return known
    declared = DeclaredAcl(dag)
    if PARAM in (run_conf or {}) and declared.is_changeable:
        _remember(dag, InvalidAcl(_CONF.format(dag.dag_id)))
        return frozen_acl(dag)
    known = _read(dag, declared, _setting() if default_consumers is None else default_consumers)
    _remember(dag, known)
    return known


def frozen_acl_by_id(dag_id: str) -> FrozenAcl | None:
    """Return the ACL of the last DAG with this id that this process parsed; None if it parsed none."""
    return _by_dag_id.get(dag_id)


def _read(dag: DAG, declared: DeclaredAcl, default_consumers: str) -> FrozenAcl:
    graph = AirflowDagGraph(dag)
    acl = parse(declared.value, dag_id=dag.dag_id, task_ids=graph.task_ids, default_consumers=default_consumers)
    acl = replace(acl, rules=with_places(acl.rules, declared.value, dag, by_exclusive=True))
    declared.refuse_misspelt()
    declared.refuse_task_params()
    _warn(dag, check(acl, graph))
    if LINKED in (acl.default, *(rule.consumers for rule in acl.rules)):
        graph.find_links()  # before a run: rendering may put its conf into objects that operators share
    return FrozenAcl(replace(acl, rules=with_places(acl.rules, declared.value, dag, by_exclusive=False)), graph)


def _warn(dag: DAG, texts: list[str]) -> None:
    from airflow.sdk import get_parsing_context

    if get_parsing_context().task_id is not None:
        return  # The DAG processor has warned already. Each task's log would repeat the warning.
    for text in texts:
        warnings.warn_explicit(text, AclWarning, filename=dag.fileloc or "<dag>", lineno=1)


def _remembered(dag: DAG) -> FrozenAcl | None:
    reference, known = _by_dag.get(id(dag), (None, None))
    if reference is None or reference() is not dag:
        return None
    if isinstance(known, InvalidAcl):
        raise InvalidAcl(*known.args)
    return known


def _remember(dag: DAG, known: FrozenAcl | InvalidAcl) -> None:
    address = id(dag)

    def forget(reference: weakref.ref[Any]) -> None:
        if address in _by_dag and _by_dag[address][0] is reference:
            del _by_dag[address]

    _by_dag[address] = (weakref.ref(dag, forget), known)
    if isinstance(known, FrozenAcl):
        _by_dag_id[dag.dag_id] = known


def _setting() -> str:
    from exclusive_redis_xcom.settings import load_settings

    return load_settings().default_consumers
