"""`exclusive-xcom can-pull CONSUMER XCOM` tells whether a task may pull an XCom."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import TaskName, XComName
from exclusive_redis_xcom.cli.access import dags, output, shapes, status

if TYPE_CHECKING:
    import argparse

    from exclusive_redis_xcom.access import Access, Answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Tell whether a task may pull an XCom. The answer is the first word on standard output: yes, no or maybe. "
        "Standard error says which rule decides, where it stands, and what to declare if the answer is no. "
        "Exit status: 0 yes; 1 no; 2 it cannot be decided."
    )
    parser.add_argument("consumer", metavar="CONSUMER", help="the task that pulls, as DAG/TASK")
    parser.add_argument("xcom", metavar="XCOM", help="what it pulls, as DAG/TASK:KEY")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing; the exit status is the answer")
    output.add_option(parser)
    dags.add_options(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Answer the question.

    Returns:
        0 for yes, 1 for no, 2 if it cannot be decided.
    """
    consumer, xcom = TaskName.parse(args.consumer), XComName.parse(args.xcom)
    return ask(dags.access_of(args), consumer, xcom, form=None if args.quiet else args.output)


def ask(access: Access, consumer: TaskName, xcom: XComName, *, form: str | None) -> int:
    """Answer about DAGs that have been read, in a form of `output`; without a form, print nothing."""
    answer = access.can_pull(consumer, xcom)
    if form is not None:
        _write(form, access, answer)
    return status.OF_VERDICT[answer.verdict]


def _write(form: str, access: Access, answer: Answer) -> None:
    from exclusive_redis_xcom.access import telling

    remedy = telling.to_allow(answer)
    if form in (output.JSON, output.YAML):
        document = {**shapes.of_answer(answer), "remedy": remedy}
        output.write(form, output.Listing((), (), document))
        return
    sys.stdout.write(f"{answer.verdict.value}\n")
    output.say(
        telling.cause(answer),
        remedy,
        telling.unknown_key(access, answer.xcom),
        telling.unknown_dag(access, answer.consumer),
    )
