"""One Airflow for all tests here: a start takes 20-40 s."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from devtools.airflow_stack import AirflowStack
from tests.acceptance.conftest import BOTH_DAGS, SERVER_DAGS, ServerMode


@pytest.fixture(scope="package")
def server_airflow(new_airflow: Callable[..., AirflowStack], server_mode: ServerMode) -> Iterator[AirflowStack]:
    """An Airflow whose API server alone has the private key, and its own Redis user. Logs everything it can."""
    of_api_server = {"api-server": server_mode.of_api_server}
    with new_airflow(server_mode.env, dags=[SERVER_DAGS, BOTH_DAGS], component_env=of_api_server) as stack:
        yield stack
