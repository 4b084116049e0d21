"""A run's conf may hold `xcom_acl`. It decides nothing, and the task's log says so once.

Airflow's trigger form posts the values of all params, also of the hidden one. The conf of a run never changes, but the
DAG file does. So an old run's conf often holds other rules than the DAG file.
"""

from __future__ import annotations

import logging

log = logging.getLogger("exclusive_redis_xcom")

# The DAGs whose log says so already: Airflow resolves the params of a task several times.
_noted: set[str] = set()


def note_other_rules(dag_id: str) -> None:
    """Log, once in this process, that a run's conf holds other rules than the DAG file."""
    _note(
        dag_id,
        "DAG '%s': This run's conf holds other rules in 'xcom_acl' than the DAG file. They are ignored. "
        "The rules of the DAG file hold.",
    )


def note_undeclared(dag_id: str) -> None:
    """Log, once in this process, that a run's conf holds rules for a DAG whose file declares none."""
    _note(
        dag_id,
        "DAG '%s': This run's conf holds 'xcom_acl'. It is ignored, and the DAG file declares no rules. "
        "Declare rules in the DAG file.",
    )


def _note(dag_id: str, text: str) -> None:
    if dag_id not in _noted:
        _noted.add(dag_id)
        log.warning(text, dag_id)
