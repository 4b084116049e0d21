"""Reach the Redis of XComs, as an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.cli import redis_access

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterator

    from exclusive_redis_xcom.store import Store
    from exclusive_redis_xcom.store.inventory import Inventory

_RIGHTS: Final = (
    "The Redis user needs the rights scan, hkeys, hstrlen, hget, pttl and eval, which workers' users do not have."
)
HELP: Final = f"{_RIGHTS} {redis_access.HELP}"
#: An error names the rights of `ls`, `du` and `show` together, so that a user is given them once.
_NEEDS: Final = f"{_RIGHTS} `show --value` needs hmget, too. {redis_access.HELP}"


def nothing(of: str | None, run: str | None = None) -> str:
    """Say that Redis holds nothing that was asked for."""
    about = "" if of is None else f" of '{of}'"
    in_run = "" if run is None else f" in run '{run}'"
    return f"Redis holds no XCom{about}{in_run}. It has expired, was never pushed there, or the name is wrong."


def inventory_of(store: Store, of: str | None) -> Iterator[Inventory]:
    """Yield what Redis holds of `DAG`, or of `DAG/TASK`; everything if that is None.

    Raises:
        UndecidedError: It names something else. "There is none" would be wrong then.
    """
    dag_id, _, task_id = (of or "").partition("/")
    if "/" in task_id or ":" in task_id or ":" in dag_id:
        raise UndecidedError(f"'{of}' names no DAG and no task.\nWrite DAG or DAG/TASK. `show` takes DAG/TASK:KEY.")
    return store.inventory(dag_id or None, task_id or None)


def opened_store() -> contextlib.AbstractContextManager[Store]:
    """Open the store of XComs; see `redis_access.opened_store`."""
    return redis_access.opened_store(needs=_NEEDS)
