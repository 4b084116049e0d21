"""Read DAGs where no Airflow was set up, and leave nothing behind.

Airflow makes its home folder and a configuration file in it as soon as it is imported. Whoever only asks a question
about DAG files, in CI for example, wants neither. So Airflow gets a temporary home if it has none.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLE = "AIRFLOW_HOME"


def home() -> Path:
    """Return Airflow's home folder, whether it exists or not."""
    return Path(os.path.expandvars(os.environ.get(_VARIABLE) or "~/airflow")).expanduser()


@contextlib.contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Give Airflow a temporary home where it has none, in this process and in those that it starts."""
    if "airflow.configuration" in sys.modules or home().is_dir():
        yield
        return
    before = os.environ.get(_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="exclusive-xcom-home-", ignore_cleanup_errors=True) as folder:
        os.environ[_VARIABLE] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = before
