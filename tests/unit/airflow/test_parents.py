"""Which processes load redis ahead of tasks, and what all others pay for this package: told by modules, not by time."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from devtools.components import BACKEND, OURS

ROOT = Path(__file__).resolve().parents[3]

#: A process that forks no tasks must not load these for this package. Airflow itself imports the backend everywhere.
LEFT_OUT = (
    *("redis", "hiredis"),
    *(f"exclusive_redis_xcom.{name}" for name in ("airflow.preloading", "api_server", "connection.driver", "pages")),
)
#: The policy and the listener do without these, too, if the backend is another one.
OF_THE_BACKEND = (
    "ormsgpack",
    *(f"exclusive_redis_xcom.{name}" for name in ("airflow.backend", "codec", "connection", "store", "task")),
)

#: A command begins, as in `airflow/utils/cli.py`.
COMMAND = """
    import sys
    sys.argv = {argv!r}
    import airflow  # loads policies, and with them what is hooked up
    from airflow.utils import cli_action_loggers

    cli_action_loggers.on_pre_execution(sub_command={name!r}, **dict.fromkeys(
        ("user", "task_id", "dag_id", "logical_date", "host_name", "full_command")))
"""

#: Plugins and listeners are loaded as in the DAG processor, in a scheduler and, from 3.2 on, in tasks.
PLUGINS = """
    from airflow.listeners.listener import get_listener_manager
    names = [found.__name__ for found in get_listener_manager().pm.get_plugins()]
    assert "exclusive_redis_xcom.airflow.listener" in names, names
    try:
        from airflow.sdk.plugins_manager import integrate_macros_plugins
        integrate_macros_plugins()
    except ImportError:  # Airflow 3.1
        pass
"""

LOADED = f"""
    import sys
    print("loaded:", *(name for name in {LEFT_OUT} if name in sys.modules))
"""


def run(*programs: str, path: Path = ROOT, executor: str = "LocalExecutor") -> str:
    """What a fresh process of Airflow says."""
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    more = {"AIRFLOW__CORE__XCOM_BACKEND": BACKEND, "PYTHONPATH": f"{ROOT}:{path}", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(map(textwrap.dedent, programs))],
        env={**inherited, **more, f"{OURS}REDIS_URL": "redis://127.0.0.1:1/0", "AIRFLOW__CORE__EXECUTOR": executor},
        cwd=path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def begin(name: str, *argv: str) -> str:
    """The program of a process whose command begins. Airflow gives the name of the function behind the command."""
    return COMMAND.format(name=name, argv=["airflow", *argv])


@pytest.mark.parametrize(
    ("name", "argv", "executor"),
    [
        ("dag_list_dags", ("dags", "list"), "LocalExecutor"),
        ("dag_processor", ("dag-processor",), "LocalExecutor"),
        ("scheduler", ("scheduler",), "CeleryExecutor"),
        ("scheduler", ("scheduler",), "KubernetesExecutor,team=EcsExecutor"),
        ("scheduler", ("scheduler",), "no.such.Executor"),
    ],
)
def test_a_process_that_forks_no_tasks_loads_no_redis_and_nothing_of_the_api_server(
    name: str, argv: tuple[str, ...], executor: str
) -> None:
    assert "loaded:\n" in run(begin(name, *argv), PLUGINS, LOADED, executor=executor)


#: Airflow imports the policy while it imports itself. Here, nobody finds the policy until it is imported by name.
ADDED = f"""
    import importlib.metadata, os, sys
    os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "airflow.sdk.bases.xcom.BaseXCom"
    found = importlib.metadata.distributions
    importlib.metadata.distributions = lambda **context: (
        one for one in found(**context) if one.metadata["Name"] != "exclusive-redis-xcom")
    import airflow.listeners, airflow.policies, airflow.sdk, airflow.utils.cli_action_loggers
    from airflow.sdk import get_parsing_context

    before = set(sys.modules)
    assert "exclusive_redis_xcom.airflow.policy" not in before
    import exclusive_redis_xcom.airflow.policy, exclusive_redis_xcom.airflow.listener
    added = set(sys.modules) - before - set(sys.stdlib_module_names)
    print("of others:", *sorted(name for name in added if not name.startswith("exclusive_redis_xcom")))
    print("heavy:", *sorted(set(sys.modules) & set({LEFT_OUT + OF_THE_BACKEND})))
"""


def test_the_policy_and_the_listener_load_no_other_package_and_nothing_of_the_backend() -> None:
    assert "of others:\nheavy:\n" in run(ADDED)


@pytest.mark.parametrize(
    ("name", "argv", "executor"),
    [
        ("worker", ("edge", "worker"), "CeleryExecutor"),
        ("triggerer", ("triggerer",), "CeleryExecutor"),
        ("scheduler", ("scheduler",), "LocalExecutor"),
        ("scheduler", ("scheduler",), "CeleryExecutor,one:airflow.executors.local_executor.LocalExecutor"),
        ("scheduler", ("scheduler",), "CeleryExecutor;team_a=LocalExecutor"),
        ("scheduler", ("scheduler",), "own_executor.Own"),
    ],
)
def test_one_that_forks_tasks_loads_what_they_need_first(
    name: str, argv: tuple[str, ...], executor: str, tmp_path: Path
) -> None:
    tmp_path.joinpath("own_executor.py").write_text(
        "from airflow.executors.local_executor import LocalExecutor\nclass Own(LocalExecutor): ..."
    )

    said = run(begin(name, *argv), LOADED, path=tmp_path, executor=executor)

    assert "loaded: redis hiredis exclusive_redis_xcom.airflow.preloading" in said


@pytest.mark.parametrize("argv", [("edge", "worker"), ("scheduler",)])
def test_where_another_backend_is_configured_nothing_is_loaded(argv: tuple[str, ...]) -> None:
    another = """
        import os
        os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "airflow.sdk.bases.xcom.BaseXCom"
        del os.environ["AIRFLOW__EXCLUSIVE_REDIS_XCOM__REDIS_URL"]
    """

    assert "loaded:\n" in run(another, begin(argv[-1], *argv), LOADED)


def test_a_worker_of_celery_without_celery_goes_on_and_says_so_in_one_line() -> None:
    hidden = "import sys; sys.modules['celery'] = None"

    said = run(hidden, begin("worker", "celery", "worker"), LOADED)

    (line,) = [line for line in said.splitlines() if "Celery" in line]
    assert "Celery did not say when its pool forks (ModuleNotFoundError). Tasks start slower." in line
    assert "Traceback" not in said
    assert "loaded:\n" in said


CELERY = """
    from celery import signals

    print("at first:", "redis" in sys.modules)
    signals.import_modules.send(sender=None)
"""


@pytest.mark.skipif(
    importlib.util.find_spec("celery") is None, reason="celery is not installed; .venv-production has it"
)
def test_a_worker_of_celery_loads_when_celery_asks_for_modules() -> None:
    said = run(begin("worker", "celery", "worker"), CELERY, LOADED)

    assert "at first: False" in said
    assert "loaded: redis hiredis exclusive_redis_xcom.airflow.preloading" in said
