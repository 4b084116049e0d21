"""Keep our listener from being counted where Airflow refuses operators because of listeners.

Airflow refuses to load a DAG with `end_from_trigger=True` if its listener manager has any listener
(`DagBag.bag_dag`, Airflow 3.1 to 3.3). The triggerer ends such a task, so no listener hears of the end. Our listener
asks for no end of a task, so it misses nothing. Listeners of other plugins still count.
"""

from __future__ import annotations

from typing import Any

from exclusive_redis_xcom.airflow import listener


def let_end_from_trigger(dag: Any) -> None:
    """Let Airflow load the DAG if a task has `end_from_trigger=True` and no other plugin has a listener.

    Airflow has no setting for this. On 3.1, tasks use the same manager, so our listener has to stay registered.
    """
    if not any(getattr(task, "end_from_trigger", False) for task in dag.tasks):
        return
    from airflow.listeners.listener import get_listener_manager

    manager = get_listener_manager()
    if "has_listeners" not in vars(type(manager)) or issubclass(type(manager), _Uncounted):
        return
    manager.__class__ = type("ListenerManager", (_Uncounted, type(manager)), {})


class _Uncounted:
    """What is changed in Airflow's listener manager."""

    pm: Any

    @property
    def has_listeners(self) -> bool:
        return bool(set(self.pm.get_plugins()) - {listener})
