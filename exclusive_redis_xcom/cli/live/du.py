"""`exclusive-xcom du` sums what XComs take in Redis and in object storage."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access import XComName
from exclusive_redis_xcom.cli import units
from exclusive_redis_xcom.cli.access import output, shapes, status
from exclusive_redis_xcom.cli.live import opened
from exclusive_redis_xcom.store.sums import Sum

if TYPE_CHECKING:
    import argparse

    from exclusive_redis_xcom.store.inventory import Inventory

_TOP = 20
_ALL = "all"

#: The ids that the XComs of one row have in common.
_Group = tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Sum what XComs take in Redis and in object storage, largest first. The bytes are those of names and fields; "
        "Redis itself needs some more. Exit status: 0 there are XComs; 1 there is none; 2 Redis cannot be asked. "
        f"{opened.HELP}"
    )
    parser.add_argument("of", nargs="?", metavar="DAG[/TASK]", help="sum one DAG or one task alone")
    parser.add_argument(
        "--by", choices=("dag", "task", "key", "run"), default="dag", help="what a row is about (default: dag)"
    )
    parser.add_argument(
        "--top", type=units.count, default=_TOP, metavar="N", help=f"show the N largest (default: {_TOP})"
    )
    output.add_option(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Sum them.

    Returns:
        0 if there is an XCom, 1 if there is none.
    """
    total, sums = Sum(), dict[_Group, Sum]()
    with opened.opened_store() as store:
        for inventory in opened.inventory_of(store, args.of):
            total.add(inventory)
            sums.setdefault(_group(inventory, args.by), Sum()).add(inventory)
    largest = sorted(sums.items(), key=lambda item: (-item[1].bytes_in_redis - item[1].bytes_elsewhere, item[0]))
    shown = largest[: args.top]
    listing = output.Listing(
        (args.by.upper(), "XCOMS", "VALUES", "IN REDIS", "ELSEWHERE", "EXPIRES WITHIN A DAY"),
        [*(_row(_name(group, args.by), each) for group, each in shown), _row(_ALL, total)],
        {
            "by": args.by,
            "total": asdict(total),
            "rows": [{**_document(group, args.by), **asdict(each)} for group, each in shown],
        },
    )
    output.write(args.output, listing)
    if len(largest) > len(shown):
        output.say(f"{len(largest) - len(shown)} smaller ones are not shown, but are in the sum.")
    if not total.xcoms:
        output.say(opened.nothing(args.of))
    return status.YES if total.xcoms else status.NO


def _group(inventory: Inventory, by: str) -> _Group:
    at = inventory.at
    return {
        "dag": (at.dag_id,),
        "task": (at.dag_id, at.task_id),
        "key": (at.dag_id, at.task_id, at.key),
        "run": (at.dag_id, at.run_id),
    }[by]


def _name(group: _Group, by: str) -> str:
    if by == "run":
        return " ".join(group)
    return str(XComName(*group)) if by == "key" else "/".join(group)


def _document(group: _Group, by: str) -> dict[str, Any]:
    if by == "key":
        return {"xcom": shapes.of_xcom(*group)}
    if by == "task":
        return {"task": shapes.of_task(*group)}
    return dict(zip(("dag_id", "run_id"), group, strict=False))


def _row(name: str, each: Sum) -> list[str]:
    return [
        name,
        str(each.xcoms),
        str(each.values),
        units.in_bytes(each.bytes_in_redis),
        units.in_bytes(each.bytes_elsewhere),
        units.in_bytes(each.expiring),
    ]
