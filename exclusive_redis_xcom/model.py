"""The nouns that all layers share: where an XCom lives, who asks for it, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

#: Airflow's map_index of a task instance that is not mapped.
NOT_MAPPED = -1

#: Airflow's key for what a task returns (`airflow/sdk/bases/xcom.py`, `XCOM_RETURN_KEY`).
RETURN_KEY = "return_value"

#: How the keys of operators' links for the UI begin (`airflow/sdk/bases/operatorlink.py`, `xcom_key`). Airflow pushes
#: them past every backend, after it has recorded the task as over.
LINK_PREFIX = "_link_"

#: Keys that Airflow's scheduler reads straight from the database row and must find there as plain values
#: (`ti_deps/deps/not_previously_skipped_dep.py`, `ti_deps/dep_context.py`).
AIRFLOW_KEYS = frozenset({"skipmixin_key", "past_depends_met"})


def is_airflows(key: str) -> bool:
    """Tell whether Airflow itself writes or reads the rows of this key, past every backend."""
    return key in AIRFLOW_KEYS or key.startswith(LINK_PREFIX)


@dataclass(frozen=True, slots=True)
class Coordinate:
    """The address of one XCom, as Airflow's `xcom` table has it.

    Ids become plain `str` and `int`: a subclass could answer comparisons as it likes, and checks would ask it.

    `ti_id` is the id of the task instance, a UUID as text. Airflow 3.4 and later name it, because all iterations of a
    task in a loop have the other ids in common. It is None where Airflow does not name it.
    """

    dag_id: str
    run_id: str
    task_id: str
    key: str
    map_index: int = NOT_MAPPED
    ti_id: str | None = None

    def __post_init__(self) -> None:
        texts = type(self.dag_id) is type(self.run_id) is type(self.task_id) is type(self.key) is str
        if texts and type(self.map_index) is int and self.ti_id is None:
            return  # the usual case; one pull may make thousands
        for name in ("dag_id", "run_id", "task_id", "key", "map_index", "ti_id"):
            object.__setattr__(self, name, _plain(getattr(self, name)))

    def __str__(self) -> str:
        mapped = "" if self.map_index == NOT_MAPPED else f" [map_index {self.map_index}]"
        instance = "" if self.ti_id is None else f", task instance {self.ti_id}"
        return (
            f"XCom '{self.key}' of task '{self.task_id}'{mapped} in DAG '{self.dag_id}', run '{self.run_id}'{instance}"
        )


@dataclass(frozen=True, slots=True)
class Principal:
    """The task instance that asks.

    `run_id` and `map_index` are None where the phase does not tell them (see `process/identity.py`); a rule
    or check that needs one that is None refuses.
    """

    dag_id: str
    task_id: str
    run_id: str | None
    map_index: int | None

    def __post_init__(self) -> None:
        if type(self.dag_id) is type(self.task_id) is type(self.run_id) is str and type(self.map_index) is int:
            return
        for name in ("dag_id", "task_id", "run_id", "map_index"):
            object.__setattr__(self, name, _plain(getattr(self, name)))

    def __str__(self) -> str:
        mapped = "" if self.map_index in (None, NOT_MAPPED) else f" [map_index {self.map_index}]"
        run = "an unknown run" if self.run_id is None else f"run '{self.run_id}'"
        return f"task '{self.task_id}'{mapped} of DAG '{self.dag_id}' ({run})"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of `acl.decide`: whether the pull is allowed, why (a readable clause), and the source of the rule."""

    allowed: bool
    reason: str
    rule: str | None = None


class Description(NamedTuple):
    """What a value is like, told without anything that it holds.

    Attributes:
        type: The qualified name of its type.
        shape: Its length in each dimension, as (1000, 3); None where it has none.
        columns: The names and dtypes of the first columns of a table.
        keys: The first top-level keys of a dict, if they are texts.
        more: How many columns or keys are not named.
        items: The type of all items, or the dtype of an array; None where they differ, or are none.
    """

    type: str
    shape: tuple[int, ...] | None = None
    columns: tuple[tuple[str, str], ...] = ()
    keys: tuple[str, ...] = ()
    more: int = 0
    items: str | None = None


def one_line(text: str, most: int) -> str:
    """Shorten a text to `most` characters on one line; "..." follows where there were more.

    Anybody may have written the text. Unprintable characters become "?": control characters, and those that turn or
    hide text on a screen.
    """
    shown = "".join(character if character.isprintable() else "?" for character in text[:most])
    return shown if len(text) <= most else f"{shown}..."


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return str.__str__(value)
    return int.__int__(value) if isinstance(value, int) else value
