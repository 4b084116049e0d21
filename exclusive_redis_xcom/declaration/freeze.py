"""An ACL is what the DAG file says, never what a trigger says.

Airflow's `dag_policy` hook runs while a DAG file is parsed, in the DAG processor and in every task process,
before a run's conf is laid over the params. There the ACL is read, checked and kept for the process.
"""

from __future__ import annotations

import warnings
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl import LINKED, Acl, DagGraph, parse
from exclusive_redis_xcom.declaration import param
from exclusive_redis_xcom.declaration.graph import AirflowDagGraph
from exclusive_redis_xcom.declaration.validation import AclWarning, check
from exclusive_redis_xcom.errors import InvalidAcl

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import timedelta

    from airflow.sdk import DAG

    from exclusive_redis_xcom.model import Coordinate


@dataclass(frozen=True, slots=True, eq=False)
class FrozenAcl:
    """A DAG's ACL with the graph it is resolved against, as parsed from the DAG file."""

    acl: Acl
    graph: DagGraph

    def in_force(
        self,
        coordinate: Coordinate,
        output_keys: Collection[str] | None = None,
        default_ttl: timedelta | None = None,
    ) -> Acl:
        """The one rule in force for an XCom; see `Acl.in_force`."""
        return self.acl.in_force(coordinate, self.graph, output_keys, default_ttl)


# By DAG object, since a DAG compares by its fields and several objects may carry one dag_id. The weak reference
# tells a DAG from a later one at the same address.
# An error stands for a DAG whose params a run's conf may have changed: that cannot be undone.
_by_dag: dict[int, tuple[weakref.ref[Any], FrozenAcl | InvalidAcl]] = {}
_by_dag_id: dict[str, FrozenAcl] = {}

_CONF = (
    "DAG '{}': a run's conf holds 'xcom_acl', and Airflow may have laid it over what the DAG file says. Parse the "
    "DAG file again and run it without: an ACL is declared in the DAG file only"
)


def freeze(dag: DAG, *, default_consumers: str) -> FrozenAcl:
    """Read, check and keep a DAG's ACL, and fix its param. Called by the policy; a second call changes nothing.

    Args:
        dag: A DAG as its file made it, before any run.
        default_consumers: The policy word for XComs without a rule.

    Raises:
        InvalidAcl: Naming the DAG, the entry and the fix.
    """
    known = _remembered(dag)
    if known is None or known.acl.default != default_consumers or not _untouched(dag):
        known = _read(dag, default_consumers)
        if param.is_declared(dag):
            param.fix(dag, param.as_json(param.declared_value(dag)))
    _remember(dag, known)
    return known


def frozen_acl(
    dag: DAG, run_conf: Mapping[str, Any] | None = None, *, default_consumers: str | None = None
) -> FrozenAcl:
    """The ACL of a DAG object of this process.

    A DAG that the policy has not seen (the one under `dag.test()`) is read now, unchanged. Then its params
    may already hold what the run's conf said, which nothing tells apart from the DAG file.

    Args:
        dag: The running task's DAG.
        run_conf: The run's conf.
        default_consumers: For a DAG read now; by default the setting.

    Raises:
        InvalidAcl: The ACL is wrong, or cannot be told from the run's conf.
    """
    known = _remembered(dag)
    if known is not None:
        return known
    if param.PARAM in (run_conf or {}) and param.is_declared(dag) and not param.is_fixed(dag):
        _remember(dag, InvalidAcl(_CONF.format(dag.dag_id)))
        return frozen_acl(dag)
    known = _read(dag, _setting() if default_consumers is None else default_consumers)
    _remember(dag, known)
    return known


def frozen_acl_by_id(dag_id: str) -> FrozenAcl | None:
    """The ACL of the DAG of that id that was parsed last in this process; None if there was none."""
    return _by_dag_id.get(dag_id)


def _read(dag: DAG, default_consumers: str) -> FrozenAcl:
    graph = AirflowDagGraph(dag)
    declared = param.is_declared(dag)
    value = param.declared_value(dag) if declared else {}
    acl = parse(value, dag_id=dag.dag_id, task_ids=graph.task_ids, default_consumers=default_consumers)
    param.refuse_task_params(dag, param.as_json(value) if declared else None)
    _warn(dag, check(acl, graph))
    if LINKED in (acl.default, *(rule.consumers for rule in acl.rules)):
        graph.find_links()  # now: rendering may put a run's conf into objects that operators share
    return FrozenAcl(acl, graph)


def _warn(dag: DAG, texts: list[str]) -> None:
    from airflow.sdk import get_parsing_context

    if get_parsing_context().task_id is not None:
        return  # a task process: the DAG processor has said it, and every task's log would repeat it
    for text in texts:
        warnings.warn_explicit(text, AclWarning, filename=dag.fileloc or "<dag>", lineno=1)


def _untouched(dag: DAG) -> bool:
    return not param.is_declared(dag) or param.is_fixed(dag)


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
