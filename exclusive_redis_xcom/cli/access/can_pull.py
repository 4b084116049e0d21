"""`exclusive-xcom can-pull CONSUMER XCOM` tells whether a task may pull an XCom."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import TaskName, Verdict, XComName
from exclusive_redis_xcom.cli.access import dags, status

if TYPE_CHECKING:
    import argparse

_STATUS = {Verdict.YES: status.YES, Verdict.NO: status.NO, Verdict.MAYBE: status.UNDECIDED}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Tell whether a task may pull an XCom. The answer is the first word on standard output: yes, no or maybe. "
        "Standard error says which rule decides. Exit status: 0 yes; 1 no; 2 it cannot be decided."
    )
    parser.add_argument("consumer", metavar="CONSUMER", help="the task that pulls, as DAG/TASK")
    parser.add_argument("xcom", metavar="XCOM", help="what it pulls, as DAG/TASK:KEY")
    parser.add_argument("--quiet", action="store_true", help="print nothing; the exit status is the answer")
    dags.add_options(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Answer the question.

    Returns:
        0 for yes, 1 for no, 2 if it cannot be decided.
    """
    consumer, xcom = TaskName.parse(args.consumer), XComName.parse(args.xcom)
    answer = dags.access_of(args).can_pull(consumer, xcom)
    if not args.quiet:
        sys.stdout.write(f"{answer.verdict.value}\n")
        sys.stdout.flush()
        why = [answer.reason, *answer.conditions]
        sys.stderr.write(f"{'; '.join(why)}.\n")
    return _STATUS[answer.verdict]
