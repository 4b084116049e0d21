"""`exclusive-xcom denials` tells who was refused which XCom, why, how often and when last."""

from __future__ import annotations

import heapq
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.denials import WHY, denials_of
from exclusive_redis_xcom.cli import redis_access, units
from exclusive_redis_xcom.cli.access import output, records, shapes, status

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from exclusive_redis_xcom.access.denials import Denial
    from exclusive_redis_xcom.formats.observed import Observed

_UNKNOWN = "(not known)"
_MOST: Final = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "List who was refused which XCom, why, how often and when last. Workers and API servers record refusals in "
        "Redis, unless the setting observe is off. Exit status: 0; 2 if the record cannot be read. "
        f"{redis_access.HELP}"
    )
    parser.add_argument(
        "--since",
        type=units.age,
        metavar="AGE",
        help="only what was refused within this time, such as 30m, 12h or 7d. COUNT counts since the record began",
    )
    parser.add_argument(
        "--limit", type=units.count, default=_MOST, metavar="N", help=f"list the N latest (default: {_MOST})"
    )
    records.add_options(parser)
    output.add_option(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Print the refusals.

    Returns:
        0. (`undecided_on_error` makes 2 of an error.)
    """
    earliest_ms = 0 if args.since is None else records.milliseconds_ago(args.since)
    seen: list[Observed] = []
    total = 0

    def counted() -> Iterator[Denial]:
        nonlocal total
        for record in records.stream(args.dag, note_missing=True):
            seen.append(replace(record, entries=()))
            for denial in denials_of(record, earliest_ms=earliest_ms):
                total += 1
                yield denial

    denials = heapq.nlargest(args.limit, counted(), key=lambda denial: denial.times.last_ms)
    output.write(
        args.output,
        output.Listing(
            ("LAST", "COUNT", "READER", "XCOM", "WHY"),
            [_row(denial) for denial in denials],
            {
                "total": total,
                "denials": [_document(denial) for denial in denials],
                "records": [records.about(each) for each in seen],
            },
        ),
    )
    if total > len(denials):
        more = total - len(denials)
        output.say(
            f"{more} older refusal{' is' if more == 1 else 's are'} not listed. Name a DAG, or a higher --limit."
        )
    if not total:
        output.say("No refusal is recorded." if args.since is None else "No refusal is recorded within this time.")
    records.say_how_it_came_about(seen)
    return status.YES


def _row(denial: Denial) -> tuple[str, ...]:
    reader = _UNKNOWN if denial.reader is None else str(denial.reader)
    last = records.moment(denial.times.last_ms)
    return last, str(denial.times.number), reader, str(denial.xcom), WHY[denial.kind]


def _document(denial: Denial) -> dict[str, object]:
    return {
        "last": records.iso(denial.times.last_ms),
        "count": denial.times.number,
        "reader": None if denial.reader is None else shapes.of_task(*denial.reader),
        "xcom": shapes.of_xcom(*denial.xcom),
        "kind": denial.kind,
        "why": WHY[denial.kind],
    }
