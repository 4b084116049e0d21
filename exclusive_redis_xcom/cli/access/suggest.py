"""`exclusive-xcom suggest` prints the smallest rules that cover what was really read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.access.printable import printable
from exclusive_redis_xcom.access.suggestion import Suggestion, suggest
from exclusive_redis_xcom.acl.rule import consumer_ids
from exclusive_redis_xcom.cli import redis_access
from exclusive_redis_xcom.cli.access import dags, forms, output, records, shapes, status

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from exclusive_redis_xcom.access.suggestion import Suggested

PYTHON: Final = "python"
_ALL_DECLARED: Final = "These calls allow all that was read, so the DAG needs no param."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Print the smallest xcom_acl of each DAG that allows what was really read. It closes everything else. Tasks "
        "record their reads under the setting observe = reads, so read each line before you apply it. Give your DAGs, "
        "too: then names are checked, and calls of exclusive() stay. Exit status: 0; 2 if no read is recorded, or the "
        f"record cannot be read. {redis_access.HELP}"
    )
    records.add_options(parser)
    forms.add_option(
        parser,
        (PYTHON, output.JSON, output.YAML),
        default=PYTHON,
        help="python (default): a param to paste, with comments; json; yaml",
    )
    dags.add_options(parser, files="your DAG file, or your folder with DAG files (default: none is read)")


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Print the suggestions.

    Returns:
        0; 2 if there is none.
    """
    found = list(records.stream(args.dag, note_missing=True))
    facts = dags.access_of(args).dags if args.dags or vars(args).get("serialized") else {}
    suggestions = [suggest(each, facts.get(each.dag_id)) for each in found if each.reads_since_ms is not None]
    unread = [each for each in found if each.reads_since_ms is None]
    if args.output == PYTHON:
        sys.stdout.write("\n".join(_as_python(each, checked=each.record.dag_id in facts) for each in suggestions))
    else:
        document = {"suggestions": [_document(each) for each in suggestions]}
        write = output.as_json if args.output == output.JSON else output.as_yaml
        sys.stdout.write(write(document))
    if not suggestions:
        output.say("No read is recorded. Set [exclusive_redis_xcom] observe = reads where tasks run, and wait.")
    records.say_how_it_came_about([each.record for each in suggestions] + unread)
    return status.YES if suggestions else status.UNDECIDED


def _as_python(suggestion: Suggestion, *, checked: bool) -> str:
    record = suggestion.record
    lost = 0 if record.lost is None else record.lost.number
    head = [
        f"DAG {record.dag_id!a}: reads recorded since {records.moment(record.reads_since_ms)}.",
        f"{records.EVIDENCE} Read each line before you apply it.",
        "" if checked else "The names were compared with no DAG file. Give --dags PATH for that.",
        f"The record is not complete: {lost} events were not recorded." if lost else "",
        f"{record.unreadable} entries of the record could not be read." if record.unreadable else "",
    ]
    head += [
        f"Left out: {entry.task_id}:{entry.key}, read by {'/'.join(entry.reader or ('somebody',))}: {why}."
        for entry, why in suggestion.left_out
    ]
    calls = dict.fromkeys((rule.source, entry.task_id, entry.key) for entry, rule in suggestion.declared)
    head += [f"{task_id}:{key} is declared by {source}. That call stays where it is." for source, task_id, key in calls]
    if suggestion.xcom_acl is None:
        head.append("It allows all that was read, so the DAG needs no param." if len(calls) == 1 else _ALL_DECLARED)
    lines = [f"# {_ascii(line)}" for line in head if line]
    if suggestion.xcom_acl is None:
        return "\n".join([*lines, ""])
    lines += ["params={", "    'xcom_acl': {", "        '*': 'nobody',  # nobody read any other XCom"]
    for task_id, keys in suggestion.rules.items():
        lines.append(f"        {task_id!a}: {{")
        for key, rule in keys.items():
            lines += _rule_lines(key, rule)
        lines.append("        },")
    return "\n".join([*lines, "    },", "}", ""])


def _ascii(text: str) -> str:
    """Show a text in ASCII, so that no letter can pass for another one, and no text can begin a line."""
    return printable(text).encode("ascii", "backslashreplace").decode("ascii")


def _rule_lines(key: str, rule: Suggested) -> Iterator[str]:
    written = rule.written(key)
    is_list = isinstance(written, list)
    yield f"            {key!a}: {'[' if is_list else '{' + repr('consumers') + ': ['}"
    for consumer in rule.consumers:
        times = "once" if consumer.reads.number == 1 else f"{consumer.reads.number} times"
        said = [f"read {times}, last {records.moment(consumer.reads.last_ms)}", *consumer.remarks]
        yield f"                {consumer.name!a},  # {'; '.join(said)}"
    further = (
        "" if is_list else "".join(f", {name!a}: {value!a}" for name, value in written.items() if name != "consumers")
    )
    yield f"            ]{further}{'' if is_list else '}'},"


def _document(suggestion: Suggestion) -> dict[str, Any]:
    dag_id = suggestion.record.dag_id
    return {
        "dag_id": dag_id,
        "xcom_acl": suggestion.xcom_acl,
        "reads": [
            {
                "xcom": shapes.of_xcom(dag_id, task_id, key),
                "consumer": shapes.of_task(*consumer_ids(consumer.name, dag_id)),
                "count": consumer.reads.number,
                "last": records.iso(consumer.reads.last_ms),
                "remarks": list(consumer.remarks),
            }
            for task_id, keys in suggestion.rules.items()
            for key, rule in keys.items()
            for consumer in rule.consumers
        ],
        "declared": [
            {
                "xcom": shapes.of_xcom(dag_id, entry.task_id, entry.key),
                "reader": None if entry.reader is None else shapes.of_task(*entry.reader),
                "rule": shapes.of_rule(rule),
            }
            for entry, rule in suggestion.declared
        ],
        "left_out": [
            {
                "xcom": shapes.of_xcom(dag_id, entry.task_id, entry.key),
                "reader": None if entry.reader is None else shapes.of_task(*entry.reader),
                "why": why,
            }
            for entry, why in suggestion.left_out
        ],
        "record": records.about(suggestion.record),
    }
