"""Which of Airflow's commands tell Redis that rows have changed, and what all others pay for that."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.airflow_home import airflow_version
from devtools.components import OURS
from exclusive_redis_xcom.airflow import commands

ROOT = Path(__file__).resolve().parents[2]

#: Commands that Airflow logs and that leave XCom rows, task instances and runs alone, by what their names contain.
#: Read in the sources of 3.1 to 3.3. (A new run has no rows yet.)
HARMLESS = {
    *{"dag_trigger", "dag_pause", "dag_unpause", "dag_reserialize", "dag_report", "dag_state", "dag_next_execution"},
    *{"asset_list", "asset_details", "asset_materialize", "task_failed_deps", "task_state", "task_list", "task_render"},
    *{"check", "export_archived", "drop_archived", "rotate_fernet_key", "kerberos"},
    *{"scheduler", "triggerer", "dag_processor", "api_server"},
    *{"pool_set", "pool_delete", "pool_import", "pool_export"},
    *{"connections_add", "connections_delete", "connections_import", "connections_test"},
    *{"variables_set", "variables_delete", "variables_import"},
    *{"team_create", "team_delete", "team_list", "team_sync"},
}

#: (major, minor) of the first Airflow that has it.
CAME_WITH = {"dag_clear": "3.3", "clear": "3.3"}


def _logged() -> Iterator[str]:
    """The functions that Airflow calls action loggers for, from its sources: importing all commands takes seconds."""
    spec = importlib.util.find_spec("airflow.cli.commands")
    assert spec is not None
    for place in spec.submodule_search_locations or ():
        for file in Path(place).glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.FunctionDef) and any(map(_is_action, node.decorator_list)):
                    yield node.name


def _is_action(decorator: ast.expr) -> bool:
    return "action_cli" in ast.unparse(decorator)


def test_every_command_of_the_installed_airflow_is_known() -> None:
    found = set(_logged())
    listing = {name for name in found if "list" in name or "show" in name or "details" in name or "states" in name}

    assert len(found) > 30
    assert found - listing - HARMLESS - set(commands.CHANGING) == set()


def test_every_command_that_tells_is_one_of_the_installed_airflow() -> None:
    expected = {name for name in commands.CHANGING if CAME_WITH.get(name, "") <= airflow_version()}

    assert expected - set(_logged()) == set()


PROBE = """
import sys
import airflow  # loads policies, and with them what is hooked up
from airflow.utils import cli_action_loggers

sys.argv = {argv!r}
cli_action_loggers.on_pre_execution(sub_command={name!r}, **dict.fromkeys(
    ("user", "task_id", "dag_id", "logical_date", "host_name", "full_command")))
print("loaded:", *sorted({{"redis"}} & set(sys.modules)))
"""


def call(name: str, *argv: str, **env: str | None) -> str:
    inherited = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    ours: dict[str, str | None] = {f"{OURS}REDIS_URL": "redis://user:canary@127.0.0.1:1/0", "NO_COLOR": "1", **env}
    settings = {key: text for key, text in ours.items() if text is not None}
    program = PROBE.format(argv=["airflow", *argv], name=name)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**inherited, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "env"),
    [
        ("dag_list_dags", {}),
        ("scheduler", {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}),
        ("dag_processor", {}),
        ("cleanup_tables", {f"{OURS}ENFORCEMENT": "server"}),
        ("cleanup_tables", {f"{OURS}DIRECT_PULLS": "off"}),
    ],
)
def test_where_there_is_nothing_to_tell_redis_is_not_even_imported(name: str, env: dict[str, str]) -> None:
    assert "loaded:\n" in call(name, **env)


def test_a_dry_run_tells_nothing() -> None:
    assert "loaded:\n" in call("cleanup_tables", "db", "clean", "--dry-run")


def test_a_command_that_cannot_tell_warns_and_says_what_to_do() -> None:
    said = call("cleanup_tables", "db", "clean")

    assert "Redis could not be told of `airflow db clean`" in said
    assert "direct_pulls = off" in said
    assert "canary" not in said


@pytest.mark.parametrize("argv", [("tasks", "clear"), ("db", "reset", "-y")])
def test_with_another_backend_a_command_says_and_loads_nothing(argv: tuple[str, ...]) -> None:
    another = {"AIRFLOW__CORE__XCOM_BACKEND": "airflow.sdk.bases.xcom.BaseXCom", f"{OURS}REDIS_URL": None}

    said = call("task_clear", *argv, **another)

    assert "loaded:\n" in said
    assert "Redis" not in said


def test_one_without_a_redis_does_not_bother_people() -> None:
    said = call("cleanup_tables", "db", "clean", **{f"{OURS}REDIS_URL": "", f"{OURS}REDIS_CONN_ID": "nobody_has_it"})

    assert "could not be told" not in said
    assert "Traceback" not in said


def test_the_one_that_airflow_does_not_log_tells_at_its_end() -> None:
    program = "import sys; sys.argv = ['airflow', 'db', 'reset', '-y']\nimport airflow\nprint('begun', flush=True)\n"
    env = {**{key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}}
    env |= {f"{OURS}REDIS_URL": "redis://127.0.0.1:1/0", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )

    begun, _, rest = (done.stdout + done.stderr).partition("begun")
    assert "airflow db reset" not in begun
    assert "Redis could not be told of `airflow db reset`" in rest
