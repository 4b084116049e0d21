"""`exclusive-xcom what-can CONSUMER` lists every XCom that a task may pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import TaskName
from exclusive_redis_xcom.cli.access import dags, output, shapes, status

if TYPE_CHECKING:
    import argparse

    from exclusive_redis_xcom.access import Access


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "List the XComs that a task may pull, with the reason: those of its own DAG and of other DAGs. The keys are "
        "those that rules, annotations and task code name; standard error says which tasks may push more. "
        "Exit status: 0 the task may pull something that another task pushes; 1 nothing is known that it may pull; "
        "2 there is only something that it perhaps may pull, or it cannot be decided."
    )
    parser.add_argument("consumer", metavar="CONSUMER", help="the task that pulls, as DAG/TASK")
    output.add_option(parser)
    dags.add_options(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """List what the task may pull.

    Returns:
        0 if it may pull an XCom of another task, 1 if it may pull none, 2 if it may only perhaps.
    """
    consumer = TaskName.parse(args.consumer)
    return ask(dags.access_of(args), consumer, form=args.output)


def ask(access: Access, consumer: TaskName, *, form: str) -> int:
    """Answer about DAGs that have been read, in a form of `output`."""
    from exclusive_redis_xcom.access import telling
    from exclusive_redis_xcom.access.unknown_keys import may_push_more

    answers = access.what_can(consumer)
    more = may_push_more(access, consumer)
    listing = output.Listing(
        ("XCOM", output.MAY, "WHY"),
        [(str(answer.xcom), answer.verdict.value, telling.why(answer)) for answer in answers],
        {
            "consumer": shapes.of_task(*consumer),
            "xcoms": [shapes.of_answer(answer) for answer in answers],
            "may_push_more": [shapes.of_task(*producer) for producer in more],
        },
    )
    output.write(form, listing)
    nothing = None if answers else f"No XCom is known that {consumer} may pull."
    output.say(nothing, telling.note_of_more(more), telling.unknown_dag(access, consumer))
    return status.of_all(answer.verdict for answer in answers if answer.xcom.producer != consumer)
