"""A temporary home for Airflow, where a test run has none. It is chosen before Airflow is imported."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

_HOME = "AIRFLOW_HOME"
_DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
#: The home that a test run made. Processes of pytest-xdist inherit it, and each of them makes one of its own.
_MADE = "_EXCLUSIVE_XCOM_TEST_HOME"


class TemporaryHome:
    """A home with an empty folder of DAGs, until `close`. It is made only where Airflow has no home.

    Airflow has one if `AIRFLOW_HOME` or the address of a database is in the environment. And it has chosen one if it is
    imported already.
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._before: dict[str, str | None] = {}
        if "airflow" in sys.modules or _is_chosen_by_user():
            return
        self._folder = tempfile.TemporaryDirectory(prefix="exclusive-xcom-test-", ignore_cleanup_errors=True)
        home = self._folder.name
        dags = Path(home) / "dags"
        dags.mkdir()
        for name, text in {
            _HOME: home,
            _MADE: home,
            "AIRFLOW__CORE__DAGS_FOLDER": os.fspath(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }.items():
            self._before[name] = os.environ.get(name)
            os.environ[name] = text

    def close(self) -> None:
        """Remove the home, and put the environment back."""
        for name, text in self._before.items():
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text
        self._before.clear()
        if self._folder is not None:
            self._folder.cleanup()


def is_temporary() -> bool:
    """Tell whether Airflow's home is one that a test run made."""
    home = os.environ.get(_HOME)
    return home is not None and home == os.environ.get(_MADE)


def _is_chosen_by_user() -> bool:
    return _DATABASE in os.environ or (_HOME in os.environ and not is_temporary())
