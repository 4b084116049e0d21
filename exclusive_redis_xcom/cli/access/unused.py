"""`exclusive-xcom unused` lists grants and consumers that nobody has used, as far as the record tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access import Verdict
from exclusive_redis_xcom.access.usage import Use, uses
from exclusive_redis_xcom.acl.rule import consumer_ids
from exclusive_redis_xcom.cli import redis_access
from exclusive_redis_xcom.cli.access import dags, output, records, shapes, status

if TYPE_CHECKING:
    import argparse

    from exclusive_redis_xcom.formats.observed import Observed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "List the consumers in the rules of your DAGs that have read nothing. Tasks record their reads under the "
        "setting observe = reads. 'maybe' means that the record does not tell. Exit status: 0; 2 if the DAGs or the "
        f"record cannot be read. {redis_access.HELP}"
    )
    parser.add_argument("--all", action="store_true", help="list consumers that were used, too")
    records.add_options(parser)
    output.add_option(parser)
    dags.add_options(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Print the consumers.

    Returns:
        0. (`undecided_on_error` makes 2 of an error.)
    """
    access = dags.access_of(args)
    chosen = [access.dag(dag_id) for dag_id in sorted(access.dags if args.dag is None else set(args.dag))]
    found = {record.dag_id: record for record in records.stream([facts.dag_id for facts in chosen])}
    listed = [use for facts in chosen for use in uses(facts, found.get(facts.dag_id))]
    shown = [use for use in listed if args.all or use.verdict is not Verdict.YES]
    output.write(
        args.output,
        output.Listing(
            ("DAG", "RULE", "CONSUMER", "READS", "LAST", "USED"),
            [_row(use) for use in shown],
            {
                "uses": [_document(use) for use in shown],
                "records": [records.about(each) for each in found.values()],
            },
        ),
    )
    if not listed:
        output.say("These DAGs have no rule that names a consumer.")
    elif not shown:
        output.say("Every consumer of these rules has read something.")
    _say_what_is_covered([facts.dag_id for facts in chosen if facts.acl.rules], found)
    return status.YES


def _say_what_is_covered(dag_ids: list[str], found: dict[str, Observed]) -> None:
    for dag_id in dag_ids:
        record = found.get(dag_id)
        if record is None or record.reads_since_ms is None:
            output.say(f"{dag_id}: no read is recorded, so nothing can be told. Set observe = reads where tasks run.")
    records.say_how_it_came_about([each for each in found.values() if each.reads_since_ms is not None])


def _row(use: Use) -> tuple[str, ...]:
    last = records.moment(use.reads.last_ms) if use.reads.number else "never"
    return use.dag_id, use.rule.source, use.consumer, str(use.reads.number), last, use.verdict.value


def _document(use: Use) -> dict[str, Any]:
    return {
        "dag_id": use.dag_id,
        "rule": shapes.of_rule(use.rule),
        # A policy word is no name. The rule has it.
        "consumer": None
        if use.consumer == use.rule.consumers
        else shapes.of_task(*consumer_ids(use.consumer, use.dag_id)),
        "count": use.reads.number,
        "last": records.iso(use.reads.last_ms) if use.reads.number else None,
        "used": use.verdict.value,
    }
