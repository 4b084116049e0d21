"""The exit status of the commands that tell who may read what."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access import Verdict
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


def undecided_on_error(main: Main) -> Main:
    """Let a command end with status 2 and the error's text where a question has no answer.

    Args:
        main: The command. An error of this package says what is wrong and what to do.
    """

    @errors_without_locals
    @functools.wraps(main)
    def guarded(args: argparse.Namespace) -> int:
        try:
            return main(args)
        except ExclusiveXComError as error:
            sys.stderr.write(f"{error}\n")
            return UNDECIDED

    return guarded
