"""Load the Airflow of this process, for a command that prints an answer."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.errors import ExclusiveXComError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def loading_airflow() -> Iterator[None]:
    """Keep Airflow's output from between the lines of an answer. An Airflow that cannot be loaded gives none.

    Raises:
        UndecidedError: Something failed that is no error of this package.
    """
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield
        except ExclusiveXComError:
            raise
        except Exception as error:  # a configuration may fail in any way; its text may quote it
            raise UndecidedError(
                f"Airflow cannot be loaded ({type(error).__name__}).\n"
                "Its configuration is wrong: see `airflow config list`."
            ) from None
