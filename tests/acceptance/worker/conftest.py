"""One Airflow for all tests here: a start takes 20-40 s."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from devtools.airflow_stack import AirflowStack
from tests.acceptance.conftest import BOTH_DAGS, DAGS


@pytest.fixture(scope="package")
def airflow(new_airflow: Callable[..., AirflowStack], backend_env: dict[str, str]) -> Iterator[AirflowStack]:
    """An Airflow with our backend and the DAGs of `../dags` and `../dags_both`."""
    with new_airflow(backend_env, dags=[DAGS, BOTH_DAGS]) as stack:
        yield stack
