"""`exclusive-xcom denials` tells who was refused which XCom, why, how often and when last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.denials import WHY, denials
from exclusive_redis_xcom.cli import units
from exclusive_redis_xcom.cli.access import output, records, status

if TYPE_CHECKING:
    import argparse

    from exclusive_redis_xcom.access.denials import Denial

_UNKNOWN = "(not known)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Tell who was refused which XCom, why, how often and when last, with either enforcement. The record is in the "
        "Redis that the settings of this process name; see the setting observe. Exit status: 0; 2 if the record cannot "
        "be read."
    )
    parser.add_argument(
        "--since",
        type=units.age,
        metavar="AGE",
        help="only what was refused within this time, such as 30m, 12h or 7d. The counts are still those of the record",
    )
    records.add_options(parser)
    output.add_option(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Print the refusals.

    Returns:
        0. (`undecided_on_error` makes 2 of an error.)
    """
    found = records.read(args.dag)
    earliest_ms = 0 if args.since is None else records.milliseconds_ago(args.since)
    refused = sorted(denials(found, earliest_ms=earliest_ms), key=lambda denial: -denial.times.last_ms)
    output.write(
        args.output,
        output.Listing(
            ("LAST", "COUNT", "READER", "XCOM", "WHY"),
            [_row(denial) for denial in refused],
            {"denials": [_document(denial) for denial in refused], "records": [records.about(each) for each in found]},
        ),
    )
    if not refused:
        output.say("No refusal is recorded." if args.since is None else "No refusal is recorded within this time.")
    records.say_how_it_came_about(found, args.dag)
    return status.YES


def _row(denial: Denial) -> tuple[str, ...]:
    reader = _UNKNOWN if denial.reader is None else str(denial.reader)
    last = records.moment(denial.times.last_ms)
    return last, str(denial.times.number), reader, str(denial.xcom), WHY[denial.kind]


def _document(denial: Denial) -> dict[str, object]:
    return {
        "last": records.iso(denial.times.last_ms),
        "count": denial.times.number,
        "reader": None if denial.reader is None else denial.reader._asdict(),
        "xcom": denial.xcom._asdict(),
        "kind": denial.kind,
        "why": WHY[denial.kind],
    }
