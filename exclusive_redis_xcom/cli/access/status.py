"""The exit status of the commands that tell who may read what."""

from __future__ import annotations

import functools
import io
import os
import sys
import traceback
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access import Verdict, airflow_home
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    Main = Callable[[argparse.Namespace], int]

YES: Final = 0
NO: Final = 1
UNDECIDED: Final = 2

#: The status of an answer.
OF_VERDICT: Final = {Verdict.YES: YES, Verdict.NO: NO, Verdict.MAYBE: UNDECIDED}


def of_all(verdicts: Iterable[Verdict]) -> int:
    """Return the status of a list of answers: yes if one is, else undecided if one may be, else no."""
    found = set(verdicts)
    return next((OF_VERDICT[each] for each in (Verdict.YES, Verdict.MAYBE) if each in found), NO)


def _write_every_character() -> None:
    """Let standard output and error escape what their encoding cannot hold."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def undecided_on_error(main: Main) -> Main:
    """Let a command end with status 2 and the error's text where a question has no answer.

    Python ends with status 1 for an error that nobody expected. Here that would be a "no", so it is 2 as well. Where no
    Airflow was set up, the command leaves none behind.

    Args:
        main: The command. An error of this package says what is wrong and what to do.
    """

    @errors_without_locals
    @functools.wraps(main)
    def guarded(args: argparse.Namespace) -> int:
        try:
            _write_every_character()
            with airflow_home.nothing_left_behind():
                status = main(args)
            sys.stdout.flush()
            return status
        except ExclusiveXComError as error:
            sys.stderr.write(f"{error}\n")
            return UNDECIDED
        except BrokenPipeError:  # whoever reads has seen enough, as in `... | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return UNDECIDED
        except Exception:  # Python's own status for an error means "no" here
            traceback.print_exc()
            return UNDECIDED

    return guarded
