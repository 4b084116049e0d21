"""`exclusive-xcom denials` tells who was refused which XCom, why, how often and when last."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.access import TaskName, XComName
from exclusive_redis_xcom.cli import units
from exclusive_redis_xcom.cli.access import output, records, status
from exclusive_redis_xcom.formats import observed
from exclusive_redis_xcom.reporting.refusal_kinds import MEANINGS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from datetime import timedelta

    from exclusive_redis_xcom.formats.observed import Count, Observed

_UNKNOWN = "(not known)"


class _Denial(NamedTuple):
    reader: TaskName | None
    xcom: XComName
    kind: str
    times: Count


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
    denials = sorted(_denials(found, args.since), key=lambda denial: -denial.times.last_ms)
    output.write(
        args.output,
        output.Listing(
            ("LAST", "COUNT", "READER", "XCOM", "WHY"),
            [_row(denial) for denial in denials],
            {"denials": [_document(denial) for denial in denials], "records": [records.about(each) for each in found]},
        ),
    )
    if not denials:
        output.say("No refusal is recorded." if args.since is None else "No refusal is recorded within this time.")
    records.say_how_it_came_about(found, args.dag)
    return status.YES


def _denials(found: Iterable[Observed], since: timedelta | None) -> Iterable[_Denial]:
    earliest = 0 if since is None else records.milliseconds_ago(since)
    for record in found:
        for entry in record.entries:
            reader = None if entry.reader is None else TaskName(*entry.reader)
            xcom = XComName(record.dag_id, entry.task_id, entry.key)
            for kind, count in entry.counts.items():
                if kind != observed.READ and count.number and count.last_ms >= earliest:
                    yield _Denial(reader, xcom, kind, count)


def _row(denial: _Denial) -> tuple[str, ...]:
    reader = _UNKNOWN if denial.reader is None else str(denial.reader)
    last = records.moment(denial.times.last_ms)
    return last, str(denial.times.number), reader, str(denial.xcom), MEANINGS[denial.kind]


def _document(denial: _Denial) -> dict[str, object]:
    return {
        "last": records.iso(denial.times.last_ms),
        "count": denial.times.number,
        "reader": None if denial.reader is None else denial.reader._asdict(),
        "xcom": denial.xcom._asdict(),
        "kind": denial.kind,
        "why": MEANINGS[denial.kind],
    }
