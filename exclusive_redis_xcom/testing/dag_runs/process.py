"""This process's Airflow uses this package as its XCom backend for a while. Afterwards all is as before.

Airflow resolves the backend once, when it imports `airflow.sdk.execution_time.xcom`. It loads listeners once, too. So
both are changed in place.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import clock
from exclusive_redis_xcom.declaration import frozen
from exclusive_redis_xcom.process import identity, inherited
from exclusive_redis_xcom.settings import is_in_use, load_settings
from exclusive_redis_xcom.settings.sources import PREFIX
from exclusive_redis_xcom.task import encryption
from exclusive_redis_xcom.task.access import current_access

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BACKEND = "AIRFLOW__CORE__XCOM_BACKEND"
_OURS = "exclusive_redis_xcom.ExclusiveRedisXCom"
_XCOM = "airflow.sdk.execution_time.xcom"
_TASK_RUNNER = "airflow.sdk.execution_time.task_runner"
#: Airflow tells a task's programs about the task in variables that begin so. `dag.test()` leaves them behind.
_CONTEXT = "AIRFLOW_CTX_"


def start_afresh() -> None:
    """Forget the settings, the connection to Redis and the running task, as if the process began now."""
    if current_access.cache_info().currsize:
        # A client that is forgotten before it is closed leaves open sockets. The garbage collector warns of them.
        current_access().store._client.drop()
    load_settings.cache_clear()
    is_in_use.cache_clear()
    current_access.cache_clear()
    identity.forget()
    encryption.forget()


@contextlib.contextmanager
def our_backend(options: Mapping[str, str]) -> Iterator[None]:
    """Use this package as the XCom backend inside the `with` block.

    Args:
        options: Options of the section `exclusive_redis_xcom`, by name. All others stay as they are.
    """
    variables = {_BACKEND: _OURS, **{f"{PREFIX}{name.upper()}": text for name, text in options.items()}}
    before: Any = importlib.import_module(_XCOM).XCom  # first: Airflow resolves its own backend, and loads its plugins
    manager = importlib.import_module(_TASK_RUNNER).get_listener_manager()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_environment(variables))
        stack.callback(clock.set_ahead, clock.ahead())
        stack.callback(start_afresh)
        start_afresh()
        stack.enter_context(frozen.kept_apart())
        stack.enter_context(_bound(before))
        stack.enter_context(_listening(manager))
        yield


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    ours = {*variables, inherited.VARIABLE}
    before = {name: text for name, text in os.environ.items() if name in ours or name.startswith(_CONTEXT)}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in [name for name in os.environ if name in ours or name.startswith(_CONTEXT)]:
            del os.environ[name]
        os.environ.update(before)


@contextlib.contextmanager
def _bound(before: Any) -> Iterator[None]:
    """Put our class where Airflow keeps the resolved backend, in all of its modules."""
    ours = importlib.import_module(_XCOM).resolve_xcom_backend()
    _replace(before, ours)
    try:
        yield
    finally:
        if before is not ours:
            _replace(ours, before)


def _replace(old: Any, new: Any) -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("airflow.") and vars(module).get("XCom") is old:
            vars(module)["XCom"] = new


@contextlib.contextmanager
def _listening(manager: Any) -> Iterator[None]:
    """Let Airflow's tasks tell our listener that they run."""
    listener = importlib.import_module("exclusive_redis_xcom.airflow.listener")
    if manager.pm.is_registered(listener):
        yield
        return
    manager.add_listener(listener)
    try:
        yield
    finally:
        manager.pm.unregister(listener)
