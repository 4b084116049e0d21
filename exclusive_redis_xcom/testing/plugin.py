"""The pytest plugin: a fixture that runs DAGs under their rules, a marker and an option.

It is switched on in the top conftest.py:

```python
pytest_plugins = ["exclusive_redis_xcom.testing.plugin"]
```

pytest imports it before Airflow may be imported. So it imports Airflow only when the fixture is used.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from exclusive_redis_xcom.testing.dag_runs.airflow_home import TemporaryHome
from exclusive_redis_xcom.testing.marker import MARKER, choices
from exclusive_redis_xcom.testing.recorded import UPDATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.testing.dag_runs.exclusive_xcom import ExclusiveXCom

_OPTION = "--exclusive-xcom-update"
_FIXTURE = "exclusive_xcom"

_home = pytest.StashKey[TemporaryHome]()
_update = pytest.StashKey["str | None"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the files of `assert_no_new_access` anew."""
    parser.getgroup("exclusive-redis-xcom").addoption(
        _OPTION,
        action="store_true",
        help="write the files of assert_no_new_access() anew, instead of comparing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and give Airflow a temporary home where it has none."""
    config.addinivalue_line("markers", MARKER)
    config.stash[_home] = TemporaryHome()
    config.stash[_update] = os.environ.get(UPDATE)
    if config.getoption(_OPTION):
        os.environ[UPDATE] = "1"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Put the environment back, and remove the temporary home."""
    if _home not in config.stash:
        return
    before = config.stash[_update]
    if before is None:
        os.environ.pop(UPDATE, None)
    else:
        os.environ[UPDATE] = before
    config.stash[_home].close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker that is wrong, or has no effect."""
    marks = list(item.iter_markers(_FIXTURE))
    if not marks:
        return
    try:
        choices(marks)
    except ValueError as error:
        raise pytest.UsageError(str(error)) from None
    if _FIXTURE not in getattr(item, "fixturenames", ()):
        raise pytest.UsageError(
            f"The marker exclusive_xcom has no effect on {item.name}.\n"
            "The test does not use the fixture of that name. Add the argument exclusive_xcom, or remove the marker."
        )


@pytest.fixture
def exclusive_xcom(request: pytest.FixtureRequest) -> Iterator[ExclusiveXCom]:
    """An Airflow in this process whose XComs are guarded by the rules of their DAGs.

    The values are in fakeredis, or in the Redis of the variable `REDIS_URL`. Everything is put back after the test.
    """
    from exclusive_redis_xcom.testing.dag_runs import exclusive_xcom as running

    chosen = choices(request.node.iter_markers(_FIXTURE))
    with running.exclusive_xcom(chosen, running.redis_of_environment()) as tested:
        yield tested
