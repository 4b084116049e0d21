"""How people name tasks and XComs: `dag/task` and `dag/task:key`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from exclusive_redis_xcom.access.undecided import UndecidedError

#: The form of `validate_key` (`airflow/sdk/definitions/_internal/node.py`).
_ID: Final = re.compile(r"[\w.-]{1,250}")


def is_id(text: str) -> bool:
    """Tell whether a text may be the id of a DAG or of a task, as Airflow allows them."""
    return _ID.fullmatch(text) is not None


class TaskName(NamedTuple):
    """A task: `dag/task`. Airflow allows no `/` and no `:` in these ids."""

    dag_id: str
    task_id: str

    def __str__(self) -> str:
        return f"{self.dag_id}/{self.task_id}"

    @classmethod
    def parse(cls, text: str) -> TaskName:
        """Read such a name.

        Raises:
            UndecidedError: It is none.
        """
        dag_id, _, task_id = text.partition("/")
        if not dag_id or not task_id or "/" in task_id or ":" in task_id:
            raise UndecidedError(f"'{text}' names no task.\nWrite DAG/TASK, as in 'sales/load'.")
        return cls(dag_id, task_id)


class XComName(NamedTuple):
    """The XComs of a task under one key, in any run: `dag/task:key`. A key may hold any character."""

    dag_id: str
    task_id: str
    key: str

    def __str__(self) -> str:
        return f"{self.dag_id}/{self.task_id}:{self.key}"

    @property
    def producer(self) -> TaskName:
        """The task that pushes it."""
        return TaskName(self.dag_id, self.task_id)

    @classmethod
    def parse(cls, text: str) -> XComName:
        """Read such a name.

        Raises:
            UndecidedError: It is none.
        """
        producer, _, key = text.partition(":")
        dag_id, _, task_id = producer.partition("/")
        if not dag_id or not task_id or "/" in task_id or not key:
            raise UndecidedError(f"'{text}' names no XCom.\nWrite DAG/TASK:KEY, as in 'sales/extract:token'.")
        return cls(dag_id, task_id, key)
