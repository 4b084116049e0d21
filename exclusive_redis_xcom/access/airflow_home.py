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


#: The folder that a temporary home stands for; None while there is no temporary home.
_missing: Path | None = None


def home() -> Path:
    """Return the home folder that Airflow should have, whether it exists or not."""
    if _missing is not None:
        return _missing
    return Path(os.path.expandvars(os.environ.get(_VARIABLE) or "~/airflow")).expanduser()


def is_there() -> bool:
    """Tell whether an Airflow was set up here: one that this process has loaded, or a home folder of somebody's own."""
    if _missing is not None:
        return False
    return "airflow.configuration" in sys.modules or home().is_dir()


@contextlib.contextmanager
def nothing_left_behind() -> Iterator[None]:
    """Give Airflow a temporary home where it has none, in this process and in those that it starts."""
    global _missing  # noqa: PLW0603 - the variable of the process is one, too
    if _missing is not None or is_there():
        yield
        return
    before = os.environ.get(_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="exclusive-xcom-home-", ignore_cleanup_errors=True) as folder:
        _missing = home()
        os.environ[_VARIABLE] = folder
        try:
            yield
        finally:
            _missing = None
            if before is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = before
