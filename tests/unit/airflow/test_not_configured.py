"""The package is installed, and `[core] xcom_backend` names another backend: Airflow is as it is without it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from devtools.components import BACKEND, OURS

ROOT = Path(__file__).resolve().parents[3]
ANOTHER = "airflow.sdk.bases.xcom.BaseXCom"
#: What a process of Airflow must not load for a package that it does not use.
HEAVY = ("redis", "ormsgpack", "exclusive_redis_xcom.task", "exclusive_redis_xcom.api_server")
MIDDLEWARES = (
    "exclusive_redis_xcom exclusive_redis_xcom_slices exclusive_redis_xcom_watch exclusive_redis_xcom_deletions"
)

PLUGIN = f"""
    import sys
    from airflow import plugins_manager
    try:
        from airflow.plugins_manager import get_fastapi_plugins
        middlewares = get_fastapi_plugins()[1]
    except ImportError:  # Airflow 3.1
        plugins_manager.initialize_fastapi_plugins()
        middlewares = plugins_manager.fastapi_root_middlewares
    from airflow.listeners.listener import get_listener_manager
    ours = [found["name"] for found in middlewares if "exclusive" in found["name"]]
    names = [found.__name__ for found in get_listener_manager().pm.get_plugins()]
    ours += [name for name in names if "exclusive" in name]
    print("ours:", *ours)
    print("loaded:", *(name for name in {HEAVY} if name in sys.modules))
"""


def run(program: str, backend: str, *, path: Path = ROOT, **options: str) -> str:
    """What a fresh process of Airflow says."""
    inherited = {key: text for key, text in os.environ.items() if not key.startswith("PYTHON")}
    more = {"AIRFLOW__CORE__XCOM_BACKEND": backend, "PYTHONPATH": f"{ROOT}:{path}", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=inherited | more | {f"{OURS}{name.upper()}": text for name, text in options.items()},
        cwd=path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("backend", [ANOTHER, "", "somebodys.Backend"])
def test_the_plugin_is_empty_and_loads_nothing(backend: str, tmp_path: Path) -> None:
    tmp_path.joinpath("somebodys.py").write_text(
        "from airflow.sdk.bases.xcom import BaseXCom\nclass Backend(BaseXCom): ..."
    )

    said = run(PLUGIN, backend, path=tmp_path)

    assert "ours:\n" in said
    assert "loaded:\n" in said
    assert "exclusive_redis_xcom" not in said


@pytest.mark.parametrize("backend", [BACKEND, "exclusive_redis_xcom.airflow.backend.ExclusiveRedisXCom", "ours.Ours"])
def test_where_ours_or_a_class_that_derives_from_it_is_configured_the_plugin_is_full(
    backend: str, tmp_path: Path
) -> None:
    tmp_path.joinpath("ours.py").write_text(
        "from exclusive_redis_xcom import ExclusiveRedisXCom\nclass Ours(ExclusiveRedisXCom): ..."
    )

    said = run(PLUGIN, backend, path=tmp_path)

    assert f"ours: {MIDDLEWARES} exclusive_redis_xcom.airflow.listener" in said
    assert "loaded: redis" in said


def test_a_class_that_cannot_be_imported_may_be_ours_so_the_rules_hold_and_the_log_says_it() -> None:
    program = "from exclusive_redis_xcom.settings import is_in_use; print('ours:', is_in_use())"

    said = run(program, "no_such_module.Backend")

    assert "ours: True" in said
    assert "'no_such_module.Backend' cannot be imported here (ModuleNotFoundError)" in said


def test_options_of_the_section_alone_put_the_package_to_use(tmp_path: Path) -> None:
    """An API server that has them and no backend would else guard nothing."""
    assert f"ours: {MIDDLEWARES}" in run(PLUGIN, ANOTHER, ttl_seconds="60")


@pytest.mark.parametrize(("lines", "in_use"), [("ttl_seconds = 60", True), ("# ttl_seconds = 60", False)])
def test_so_do_those_of_the_file_but_not_the_names_in_comments(tmp_path: Path, lines: str, in_use: bool) -> None:
    tmp_path.joinpath("airflow.cfg").write_text(f"[exclusive_redis_xcom]\n{lines}\n")
    program = f"""
        import os
        os.environ["AIRFLOW_HOME"] = {os.fspath(tmp_path)!r}
        from exclusive_redis_xcom.settings import is_in_use
        print("in use:", is_in_use())
    """

    assert f"in use: {in_use}" in run(program, ANOTHER)


DAG_FILE = """
    from airflow.sdk import DAG, task
    from exclusive_redis_xcom import exclusive

    with DAG("etl", params={"xcom_acls": 1}):
        @task
        def extract(): ...
        exclusive(extract(), to=["nobody_knows_it"])
"""

DAG_BAG = f"""
    import sys
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag
    bag = DagBag("dag_file.py")
    print("errors:", *bag.import_errors.values())
    (dag,) = bag.dags.values()
    print("fixed:", "const" in dag.params.get_param("xcom_acl").schema)
    print("logs:", dag.get_task("extract").show_return_value_in_logs)
    print("loaded:", *(name for name in {HEAVY} if name in sys.modules))
"""


def test_a_dag_file_with_rules_loads_and_no_rule_is_checked(tmp_path: Path) -> None:
    tmp_path.joinpath("dag_file.py").write_text(textwrap.dedent(DAG_FILE))

    said = run(DAG_BAG, ANOTHER, path=tmp_path)

    assert "errors:\nfixed: False\nlogs: True\nloaded:\n" in said
