"""Three Airflows, one after the other, play the same runs: with the default backend, in worker mode, in server mode.

They have the same files, run ids, logical dates, hash seed and virtualenvs. They differ in their XCom backend only.
The one in server mode goes without Airflow's example DAGs.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from devtools.airflow_stack import AirflowStack
from tests.acceptance.conftest import ServerMode
from tests.acceptance.parity import example_files
from tests.acceptance.parity.facts import PREFIX, Fact, facts
from tests.acceptance.parity.outcome import RUN_ID, Outcome, outcome, stand_in_for_uv
from tests.acceptance.parity.runs import play, run_states
from tests.acceptance.parity.seen import FOLDER

DAGS = Path(__file__).parent / "dags"

ENVIRONMENT = {
    # They are unpaused when all runs have been triggered.
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
    "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES": "airflow.* tests.acceptance.parity.*",
    "AIRFLOW__STANDARD__VENV_INSTALL_METHOD": "uv",
    # A branch's choice is a set on its way to its XCom: two processes list it in two orders.
    "PYTHONHASHSEED": "0",
}


@dataclass(frozen=True)
class Run:
    """What one Airflow did: the example DAGs by DAG id, and the facts of the parity DAGs."""

    examples: dict[str, Outcome]
    facts: dict[Fact, str]


class Origin(BaseHTTPRequestHandler):
    """Answers as https://httpbingo.org/get does, as far as `example_dag_decorator` looks."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"origin": "127.0.0.1"}')

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture(scope="package")
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Origin) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/get"
        server.shutdown()


@pytest.fixture(scope="package")
def play_in(
    new_airflow: Callable[..., AirflowStack], web: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Run]:
    """Play all runs in an Airflow with these settings."""
    folder = tmp_path_factory.mktemp("parity")
    (folder / "temporary").mkdir()
    env = {
        **ENVIRONMENT,
        "PATH": os.pathsep.join([os.fspath(stand_in_for_uv(folder / "bin")), os.environ["PATH"]]),
        # Some examples keep their virtualenvs in the system's temporary directory.
        "TMPDIR": os.fspath(folder / "temporary"),
    }
    conf: dict[str, dict[str, Any]] = {
        "example_dag_decorator": {"url": web},
        "example_params_ui_tutorial": {"required_field": "filled in by a test"},
        "parity_across": {"n": 5},
    }

    def run(settings: dict[str, str], *, examples: bool = True, **options: Any) -> Run:
        dags, seen = tmp_path_factory.mktemp("dags"), tmp_path_factory.mktemp("seen")
        shutil.copytree(DAGS, dags, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        if examples:
            example_files.copy_examples(dags)
        with new_airflow({**settings, **env, FOLDER: os.fspath(seen)}, dags=dags, **options) as airflow:
            file_of = play(airflow, [path.name for path in dags.glob("*.py")], conf, seen)
            states = run_states(airflow)
            found = {
                dag_id: outcome(airflow, dag_id, file, states[dag_id, RUN_ID])
                for dag_id, file in file_of.items()
                if not dag_id.startswith(PREFIX)
            }
            return Run(found, facts(airflow, seen))

    return run


@pytest.fixture(scope="package")
def default_run(play_in: Callable[..., Run]) -> Run:
    return play_in({})


@pytest.fixture(scope="package")
def worker_run(play_in: Callable[..., Run], backend_env: dict[str, str]) -> Run:
    return play_in(backend_env)


@pytest.fixture(scope="package")
def server_run(play_in: Callable[..., Run], server_mode: ServerMode) -> Run:
    of_api_server = {"api-server": server_mode.of_api_server}
    env = {name: value for name, value in server_mode.env.items() if name != "AIRFLOW__LOGGING__LOGGING_LEVEL"}
    return play_in(env, examples=False, component_env=of_api_server)
