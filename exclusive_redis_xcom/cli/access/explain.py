"""`exclusive-xcom explain XCOM [CONSUMER]` shows all rules for an XCom, and which of them decides."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import TaskName, XComName
from exclusive_redis_xcom.cli.access import dags, output, shapes, status

if TYPE_CHECKING:
    import argparse

    from exclusive_redis_xcom.access import Access
    from exclusive_redis_xcom.access.explanation import Explanation
    from exclusive_redis_xcom.acl import Rule


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Show all rules that select an XCom, in order of precedence. The first one decides alone. With a consumer, "
        "the last lines are the error that its pull would raise, or the reason why it may pull. Exit status: with a "
        "consumer, 0 yes, 1 no, 2 it cannot be decided; without one, 0."
    )
    parser.add_argument("xcom", metavar="XCOM", help="the XCom, as DAG/TASK:KEY")
    parser.add_argument("consumer", metavar="CONSUMER", nargs="?", help="a task that pulls it, as DAG/TASK")
    output.add_option(parser)
    dags.add_options(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Explain an XCom's rules.

    Returns:
        With a consumer, 0 for yes, 1 for no, 2 if it cannot be decided. Without one, 0.
    """
    xcom = XComName.parse(args.xcom)
    consumer = None if args.consumer is None else TaskName.parse(args.consumer)
    return ask(dags.access_of(args), xcom, consumer, form=args.output)


def ask(access: Access, xcom: XComName, consumer: TaskName | None, *, form: str) -> int:
    """Answer about DAGs that have been read, in a form of `output`."""
    from exclusive_redis_xcom.access.explanation import explain

    explained = explain(access, xcom, consumer)
    _write(form, access, explained)
    return status.YES if explained.answer is None else status.OF_VERDICT[explained.answer.verdict]


def _write(form: str, access: Access, explained: Explanation) -> None:
    from exclusive_redis_xcom.access import telling

    text = _text(access, explained)
    document = {
        "xcom": shapes.of_xcom(*explained.xcom),
        "rules": [{**shapes.of_rule(rule), "decides": not index} for index, rule in enumerate(explained.rules)],
        "in_force": None if explained.in_force is None else shapes.of_rule(explained.in_force),
        "answer": None if explained.answer is None else shapes.of_answer(explained.answer),
        "text": text,
    }
    rows = [_row(index, rule) for index, rule in enumerate(explained.rules)]
    output.write(form, output.Listing(("", "RULE", "CONSUMERS", "FURTHER", "PLACE"), rows, document))
    if form == output.TABLE:
        sys.stdout.write(f"\n{output.printable_lines(text)}\n")
    elif form == output.PLAIN:
        output.say(text)
    asked = None if explained.answer is None else telling.unknown_dag(access, explained.answer.consumer)
    output.say(telling.unknown_key(access, explained.xcom), asked)


def _row(index: int, rule: Rule) -> tuple[str, ...]:
    from exclusive_redis_xcom.access.overview.entries import further
    from exclusive_redis_xcom.acl import source as sources

    source = sources.read(rule.source)
    consumers = rule.consumers if isinstance(rule.consumers, str) else ", ".join(rule.consumers) or "nobody"
    return (
        "" if index else "decides",
        rule.source if source is None else source.entry,
        consumers,
        further(rule),
        "" if source is None or source.place is None else source.place,
    )


def _text(access: Access, explained: Explanation) -> str:
    from exclusive_redis_xcom.access import telling

    if explained.answer is not None:
        return telling.told(explained.answer)
    if explained.in_force is None:
        return f"Everybody may pull '{explained.xcom.key}': Airflow writes and reads this key, past every backend."
    narrowed = access.dags[explained.xcom.dag_id].is_narrowed(explained.xcom, explained.rules[0])
    return telling.told_of_all(explained.xcom, explained.in_force, is_narrowed=narrowed)
