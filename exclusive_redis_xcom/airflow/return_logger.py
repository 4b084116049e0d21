"""The logger of an operator, in which a returned value that is too long or has a rule does not appear.

Operators log the value before it is pushed. Airflow formats the line, masks it and sends it on, which takes minutes for
a value of 100 MB. Only the lines that hold a returned value are looked at. What else an operator logs stays as it is.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.airflow import printed_length

if TYPE_CHECKING:
    from collections.abc import Callable

#: A returned value is logged up to this many characters.
MOST_CHARACTERS = 4096

#: The lines that hold a returned value. They are the same in Airflow 3.1 to 3.3, and in Airflow's own providers.
LINES = frozenset(
    {
        "Done. Returned value was: %s",  # PythonOperator and all that derive from it
        "Condition result is %s",  # ShortCircuitOperator
        "Branch into %s",  # BaseBranchOperator
        "Following branch %s",  # the same
        "Operator output is: %s",  # SQLExecuteQueryOperator
        "xcom result: \n%s",  # KubernetesPodOperator
    }
)

_METHODS = frozenset({"debug", "info", "warning", "warn", "error", "critical", "fatal", "exception", "msg"})


class ReturnLogger:
    """A structlog logger that shows stand-ins.

    Args:
        logger: The operator's own logger.
        hides_all: Tells whether a returned value is not shown, however short it is. Called once per line.
    """

    __slots__ = ("_hides_all", "_logger")

    def __init__(self, logger: Any, hides_all: Callable[[], bool]) -> None:
        self._logger = logger
        self._hides_all = hides_all

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self._logger, name)
        if name in _METHODS:
            return lambda event=None, *args, **more: found(event, *_shown(event, args, self._hides_all), **more)
        return found


class ReturnFilter(logging.Filter):
    """The same for a logger of the standard library."""

    def __init__(self, hides_all: Callable[[], bool]) -> None:
        super().__init__()
        self._hides_all = hides_all

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the arguments of a record, which passes in any case."""
        # logging takes a mapping out of its tuple.
        args = record.args if isinstance(record.args, tuple) else (record.args,)
        if record.msg in LINES and record.args:
            record.args = _shown(record.msg, args, self._hides_all)
        return True


def _shown(event: Any, args: tuple[Any, ...], hides_all: Callable[[], bool]) -> tuple[Any, ...]:
    if type(event) is not str or event not in LINES:
        return args
    if hides_all():
        return tuple("<not shown>" for _ in args)
    return tuple(map(_brief, args))


def _brief(value: Any) -> Any:
    if not printed_length.is_longer(value, MOST_CHARACTERS):
        return value
    return f"<{printed_length.describe(value)}: too long for the log>"
