"""Everybody who may ask for an XCom, in one run: docs/reference/who-asks.md is the table. Each notes what it got.

Nothing here asserts. Tests compare the notes with the table.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.listeners import hookimpl
from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator, get_current_context, task, teardown
from asking import PUSHED, VALUE, AskingTrigger, ask, done, got, note

PROOFS = os.environ["ACCEPTANCE_PROOFS"]
#: Where another interpreter finds Airflow: with our package, and without it.
WITH_US, WITHOUT_US = (os.environ.get(f"ACCEPTANCE_{name}", "") for name in ("WITH_US", "WITHOUT_US"))
#: The task that a row pushes for, where the row is not called like it.
TASKS = {"on_failure": "failing", "on_retry": "retrying", "on_skipped": "skipping", "resumed": "deferring"}
TASKS |= dict.fromkeys(["on_execute", "on_success", "listener", "thread", "raw_message", "fork"], "execute")
TASKS |= dict.fromkeys(["subprocess_reconnected", "multiprocessing_spawn"], "execute")
#: Airflow sets it for other interpreters. Other processes of a task cannot import Airflow without it.
LIKE_AIRFLOWS_OWN = {"PYTHON_OPERATORS_VIRTUAL_ENV_MODE": "1"}
HOME = {"AIRFLOW_HOME": os.environ["AIRFLOW_HOME"]}
BASE_PYTHON = os.path.join(sys.base_prefix, "bin", "python3")
SOURCE = {"dag_id": "who_asks", "run_id": "{{ run_id }}", "task_id": "produce", "key": "return_value"}
SECRET = {**SOURCE, "key": "secret"}


def compared(pull: Callable[[], Any]) -> str:
    try:
        return "as pushed" if pull() == PUSHED else "something else"
    except Exception as error:
        return type(error).__name__


def own(task_id: str) -> dict[str, Any]:
    return {"dag_id": "who_asks", "run_id": "{{ run_id }}", "task_id": task_id}


def here() -> tuple[dict[str, Any], dict[str, Any]]:
    """The addresses of what to pull, and of what the running task may push."""
    ti = get_current_context()["ti"]
    return {**SOURCE, "run_id": ti.run_id}, {**own(ti.task_id), "run_id": ti.run_id}


def asks(row: str) -> Any:
    """A callback that asks as its task instance does."""

    def callback(context: Any) -> None:
        ti = context["ti"]
        note(
            row,
            ti.run_id,
            pull=got(lambda: ti.xcom_pull(task_ids="produce", key="return_value", map_indexes=-1)),
            push=done(lambda: ti.xcom_push(f"by {row}", PUSHED)),
        )

    return callback


def of_the_dag(context: Any) -> None:
    """Runs in the DAG processor."""
    run = {"dag_id": "who_asks", "run_id": context["run_id"]}
    ask("dag_callback", {**run, "task_id": "produce", "key": "return_value"}, {**run, "task_id": "execute"})


class Killed(BaseOperator):
    """Asks when it is killed. It sleeps until then."""

    def execute(self, context: Any) -> None:
        self.context = context
        self.log.info("sleeps until it is killed")
        time.sleep(600)

    def on_kill(self) -> None:
        asks(self.task_id)(self.context)


class Rescheduled(BaseSensorOperator):
    """Asks at its second poke, in another process than its first."""

    def poke(self, context: Any) -> bool:
        if context["ti"].xcom_pull(key="poked", map_indexes=-1) is None and not os.path.exists(self.mark(context)):
            open(self.mark(context), "w").close()
            return False
        asks(self.task_id)(context)
        return True

    def mark(self, context: Any) -> str:
        return os.path.join(PROOFS, f"poked-{context['ti'].run_id}")


class Deferring(BaseOperator):
    def execute(self, context: Any) -> None:
        source, own_address = here()
        self.defer(trigger=AskingTrigger("trigger", source, own_address), method_name="resume")

    def resume(self, context: Any, event: Any = None) -> None:
        asks("resumed")(context)


class Listener:
    """Airflow calls it in the task's process. The task itself registers it."""

    @hookimpl
    def on_task_instance_success(self, task_instance: Any) -> None:
        asks("listener")({"ti": task_instance})


def register_listener() -> None:
    try:
        from airflow.sdk.listener import get_listener_manager
    except ImportError:  # Airflow 3.1
        from airflow.listeners.listener import get_listener_manager
    get_listener_manager().add_listener(Listener())


def command(row: str, function: str) -> list[str]:
    """A command that asks in a Python of its own."""
    source, own_address = here()
    return [sys.executable, "-c", f"import asking; asking.{function}({row!r}, {source!r}, {own_address!r})"]


def ask_in_a_plain_subprocess(row: str) -> None:
    """Airflow keeps such a process from importing it. So it leaves no note, and its last words are the note."""
    ended = subprocess.run(command(row, "ask"), stderr=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        note(row, here()[0]["run_id"], pull=ended.stderr.splitlines()[-1])


def ask_reconnected(row: str) -> None:
    """The environment is the one that Airflow gives to other interpreters."""
    subprocess.run(command(row, "ask_reconnected"), env={**os.environ, **LIKE_AIRFLOWS_OWN}, check=True)


def ask_after_fork(row: str) -> None:
    source, own_address = here()
    child = os.fork()
    if child == 0:
        try:
            ask(row, source, own_address)
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def ask_in_another_process(row: str, method: str) -> None:
    source, own_address = here()
    process = multiprocessing.get_context(method).Process(target=ask, args=(row, source, own_address))
    process.start()
    process.join()
    if process.exitcode:
        note(row, source["run_id"], pull=f"the process ended with {process.exitcode}")


def ask_in_a_pool(row: str) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        pool.submit(ask, row, *here()).result()


def ask_in_a_thread(row: str) -> None:
    asking = threading.Thread(target=asks(row), args=(get_current_context(),))
    asking.start()
    asking.join()


def ask_past_the_backend(row: str) -> None:
    """What a task in another language does: it knows no Python class, and asks the supervisor."""
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import GetXCom, SetXCom

    source, own_address = here()
    send = task_runner.SUPERVISOR_COMMS.send
    note(
        row,
        source["run_id"],
        pull=got(lambda: send(GetXCom(**source)).value),
        push=done(lambda: send(SetXCom(key=f"by {row}", value=PUSHED, **own_address))),
    )


with DAG(
    "who_asks",
    schedule=None,
    catchup=False,
    on_success_callback=of_the_dag,
    on_failure_callback=of_the_dag,
    params={"xcom_acl": {"*": "downstream", "produce": {"secret": ["named"]}}},
):

    @task
    def produce() -> Any:
        get_current_context()["ti"].xcom_push("secret", VALUE)
        return VALUE

    # In the task's own process.

    @task
    def named() -> None:
        ti = get_current_context()["ti"]
        note("named", ti.run_id, pull=got(lambda: ti.xcom_pull("produce", key="secret")))

    @task(on_execute_callback=asks("on_execute"), on_success_callback=asks("on_success"))
    def execute() -> None:
        register_listener()
        asks("execute")(get_current_context())
        ask_in_a_thread("thread")
        ask_past_the_backend("raw_message")
        ask_after_fork("fork")
        ask_in_another_process("multiprocessing_fork", "fork")
        ask_in_another_process("multiprocessing_spawn", "spawn")
        ask_in_a_pool("process_pool")
        ask_in_a_plain_subprocess("subprocess_plain")
        ask_reconnected("subprocess_reconnected")

    @task
    def argument(value: Any) -> None:
        note("argument", get_current_context()["ti"].run_id, pull=got(lambda: value))

    def in_template(pair: str) -> None:
        run_id = get_current_context()["ti"].run_id
        note("template", run_id, pull=got(lambda: VALUE if pair == str(VALUE["pair"]) else pair))

    @task(on_failure_callback=asks("on_failure"))
    def failing() -> None:
        raise RuntimeError("fails on purpose")

    @task(on_retry_callback=asks("on_retry"), retries=1, retry_delay=timedelta(seconds=1))
    def retrying() -> None:
        if get_current_context()["ti"].try_number == 1:
            raise RuntimeError("the first try fails")

    @task(on_skipped_callback=asks("on_skipped"))
    def skipping() -> None:
        raise AirflowSkipException("skips itself on purpose")

    @teardown
    def tearing_down() -> None:
        asks("tearing_down")(get_current_context())

    # In processes that the task starts.

    @task.external_python(python=sys.executable)
    def external_python(source: Any, own_address: Any, folder: str) -> None:
        import asking

        asking.ask("external_python", source, own_address, folder)

    @task.external_python(python=sys.executable, inherit_env=False, env_vars=HOME)
    def without_environment(source: Any, own_address: Any, folder: str) -> None:
        import asking

        asking.ask("without_environment", source, own_address, folder)

    @task.external_python(python=sys.executable)
    def not_named(source: Any, own_address: Any, folder: str) -> None:
        import asking

        asking.ask("not_named", source, None, folder)

    @task.external_python(python=sys.executable)
    def forged(source: Any, own_address: Any, folder: str) -> None:
        """Claims to be the task that may have the secret."""
        import json
        import os

        import asking

        name = "_EXCLUSIVE_REDIS_XCOM_TASK"
        claimed = json.loads(os.environ[name])
        claimed[claimed.index("forged")] = "named"
        os.environ[name] = json.dumps(claimed)
        asking.ask("forged", source, {**own_address, "task_id": "named"}, folder)

    @task.virtualenv(system_site_packages=False, requirements=[], env_vars={"PYTHONPATH": WITH_US})
    def virtualenv(source: Any, own_address: Any, folder: str) -> None:
        import asking

        asking.ask("virtualenv", source, own_address, folder)

    # The interpreter that `.venv` was made from has neither Airflow nor our package. Both come by the path.
    @task.external_python(python=BASE_PYTHON, env_vars={"PYTHONPATH": WITHOUT_US})
    def without_us(source: Any, own_address: Any, folder: str) -> None:
        import asking

        asking.ask("without_us", source, own_address, folder)

    @task.bash(env=LIKE_AIRFLOWS_OWN, append_env=True)
    def bash() -> str:
        return shlex.join(command("bash", "ask_reconnected"))

    # The order, and what was pushed.

    @task(trigger_rule="all_done")
    def last() -> None:
        """Pulls what all others pushed. Their notes say only that Airflow took it."""
        ti = get_current_context()["ti"]
        found = {}
        for path in Path(PROOFS).glob(f"[a-z]*-{ti.run_id}"):
            row = path.name.removesuffix(f"-{ti.run_id}")
            if path.read_text().startswith("{") and json.loads(path.read_text()).get("push") == "pushed":
                address = {"task_ids": TASKS.get(row, row), "key": f"by {row}", "map_indexes": -1}
                found[row] = compared(lambda address=address: ti.xcom_pull(**address))
        note("read_back", ti.run_id, **found)

    value = produce()
    template = PythonOperator(
        task_id="template",
        python_callable=in_template,
        op_kwargs={"pair": "{{ ti.xcom_pull(task_ids='produce')['pair'] }}"},
    )
    others = [
        (external_python, SOURCE),
        (without_environment, SOURCE),
        (not_named, SECRET),
        (forged, SECRET),
        (virtualenv, SOURCE),
        (without_us, SOURCE),
    ]
    askers = [
        named(),
        execute(),
        argument(value),
        template,
        failing(),
        retrying(),
        skipping(),
        Deferring(task_id="deferring"),
        Rescheduled(task_id="rescheduled", mode="reschedule", poke_interval=8),
        Killed(task_id="on_kill_timeout", execution_timeout=timedelta(seconds=2)),
        Killed(task_id="on_kill_stopped"),
        *(asker(source, own(asker.function.__name__), PROOFS) for asker, source in others),
        bash(),
    ]
    value >> askers >> tearing_down() >> last()
