"""Freeze a DAG's ACL: what the DAG file says is in force, never what a trigger says.

Airflow calls the `dag_policy` hook when it parses a DAG file, in the DAG processor and in every task process. Only
later does a run's conf replace params. So the hook reads and checks the ACL, and keeps it for the process.
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl import LINKED, Acl, parse
from exclusive_redis_xcom.declaration import reported
from exclusive_redis_xcom.declaration import run_conf as conf_of_run
from exclusive_redis_xcom.declaration.graph import AirflowDagGraph, TaskGraph
from exclusive_redis_xcom.declaration.param import PARAM, DeclaredAcl
from exclusive_redis_xcom.declaration.places import with_places
from exclusive_redis_xcom.declaration.validation import AclWarning, check
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.first_line import of_dag

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import timedelta

    from airflow.sdk import DAG

    from exclusive_redis_xcom.model import Coordinate


@dataclass(frozen=True, slots=True, eq=False)
class FrozenAcl:
    """A DAG's ACL, as its file was parsed, and the graph that resolves its policy words."""

    acl: Acl
    graph: AirflowDagGraph | TaskGraph

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

_REPLACED = (
    "The conf holds 'xcom_acl'. No policy has fixed the param of this DAG object, as under dag.test().\n"
    "Leave 'xcom_acl' out of run_conf, and start a new process."
)


def freeze(dag: DAG, *, default_consumers: str, report_consumers: str | None = None) -> FrozenAcl:
    """Read, check and keep a DAG's ACL, and fix its param. A second call changes nothing.

    Airflow's policy hook calls this (`airflow/policy.py`).

    Args:
        dag: A DAG as its file made it, before any run.
        default_consumers: The policy word for XComs without a rule.
        report_consumers: A stricter policy word, of which is reported what it would refuse; None for none.

    Raises:
        InvalidAcl: The ACL is wrong. The text names the DAG, the entry and the fix.
    """
    known = _remembered(dag)
    declared = DeclaredAcl(dag)
    if known is None or known.acl.default != default_consumers or declared.is_changeable:
        known = _read(dag, declared, default_consumers)
        declared.fix()
    if report_consumers == LINKED:
        known.graph.find_links()  # as for rules
    _remember(dag, known)
    return known


def frozen_acl(
    dag: DAG, run_conf: Mapping[str, Any] | None = None, *, default_consumers: str | None = None
) -> FrozenAcl:
    """Return the ACL of a DAG object of this process. The log says so if the run's conf holds another one.

    A DAG that the policy has not seen, such as the one of `dag.test()`, is read now and is not changed. Its params may
    already hold values of the run's conf.

    Args:
        dag: The running task's DAG.
        run_conf: The run's conf.
        default_consumers: The policy word for a DAG that is read now; None takes the setting.

    Raises:
        InvalidAcl: The ACL is wrong, or the run's conf may have replaced it.
    """
    in_conf = run_conf if run_conf and PARAM in run_conf else {}
    known = _remembered(dag)
    if known is None:
        known = _read_late(dag, in_conf, _setting() if default_consumers is None else default_consumers)
    if in_conf:
        _note(DeclaredAcl(dag), in_conf, dag.dag_id)
    return known


def _read_late(dag: DAG, in_conf: Mapping[str, Any], default_consumers: str) -> FrozenAcl:
    declared = DeclaredAcl(dag)
    if in_conf and declared.may_be_replaced_by(in_conf):
        first = of_dag(dag.dag_id, lambda _: "its rules are unknown, because this run's conf may have replaced them.")
        error = InvalidAcl(f"{first}\n{_REPLACED}")
        _remember(dag, error)
        raise error
    known = _read(dag, declared, default_consumers, in_conf)
    _remember(dag, known)
    return known


def _note(declared: DeclaredAcl, in_conf: Mapping[str, Any], dag_id: str) -> None:
    if not declared.exists:
        conf_of_run.note_undeclared(dag_id)
    elif declared.value != in_conf[PARAM]:
        conf_of_run.note_other_rules(dag_id)


def frozen_acl_by_id(dag_id: str) -> FrozenAcl | None:
    """Return the ACL of the last DAG with this id that this process parsed; None if it parsed none."""
    return _by_dag_id.get(dag_id)


@contextlib.contextmanager
def kept_apart() -> Iterator[None]:
    """Forget after the `with` block what was frozen in it. Tests of DAGs freeze them under policies of their own."""
    by_dag, by_dag_id = dict(_by_dag), dict(_by_dag_id)
    try:
        yield
    finally:
        _by_dag.clear()
        _by_dag.update({address: entry for address, entry in by_dag.items() if entry[0]() is not None})
        _by_dag_id.clear()
        _by_dag_id.update(by_dag_id)


def _read(
    dag: DAG, declared: DeclaredAcl, default_consumers: str, in_conf: Mapping[str, Any] | None = None
) -> FrozenAcl:
    graph = AirflowDagGraph(dag)
    acl = parse(declared.value, dag_id=dag.dag_id, task_ids=graph.task_ids, default_consumers=default_consumers)
    acl = replace(acl, rules=with_places(acl.rules, declared.value, dag, by_exclusive=True))
    declared.refuse_misspelt()
    declared.refuse_task_params(in_conf or {})
    _warn(dag, check(acl, graph))
    if LINKED in (acl.default, *(rule.consumers for rule in acl.rules), *reported.words_of(acl.rules)):
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
