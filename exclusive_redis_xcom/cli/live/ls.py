"""`exclusive-xcom ls [DAG[/TASK]]` lists the XComs that Redis holds."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.cli import units
from exclusive_redis_xcom.cli.access import output, shapes, status
from exclusive_redis_xcom.cli.live import descriptions, opened, stored_rules
from exclusive_redis_xcom.model import NOT_MAPPED

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from exclusive_redis_xcom.store.inventory import Inventory

_MOST = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "List the XComs that Redis holds: types, sizes, TTLs and who may read, and no value. Exit status: 0 there are "
        f"some; 1 there is none; 2 Redis cannot be asked. {opened.HELP}"
    )
    parser.add_argument("of", nargs="?", metavar="DAG[/TASK]", help="list one DAG or one task alone")
    parser.add_argument("--run", metavar="RUN", help="list one run alone")
    parser.add_argument(
        "--limit", type=units.count, default=_MOST, metavar="N", help=f"list at most N (default: {_MOST})"
    )
    output.add_option(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """List them, sorted by name.

    Returns:
        0 if there is one, 1 if there is none.
    """
    total = 0

    def counted(all_of_them: Iterable[Inventory]) -> Iterable[Inventory]:
        nonlocal total
        for each in all_of_them:
            if args.run in (None, each.at.run_id):
                total += 1
                yield each

    with opened.opened_store() as store:
        found = heapq.nsmallest(args.limit, counted(opened.inventory_of(store, args.of)), key=_order)
    listing = output.Listing(
        ("XCOM", "RUN", "VALUES", "TYPE", "SHAPE", "CODEC", "IN REDIS", "ELSEWHERE", "KEPT FOR", "READERS"),
        [_row(each) for each in found],
        {"total": total, "xcoms": [document(each) for each in found]},
    )
    output.write(args.output, listing)
    if total > len(found):
        output.say(f"{total - len(found)} more are not listed. Name a DAG, or a higher --limit.")
    if not total:
        output.say(opened.nothing(args.of, args.run))
    return status.YES if total else status.NO


def name_of(inventory: Inventory) -> str:
    """Name an XCom as people do: `dag/task:key`."""
    return f"{inventory.at.dag_id}/{inventory.at.task_id}:{inventory.at.key}"


def kept_for(inventory: Inventory) -> str:
    """Say how long Redis keeps an XCom."""
    return "no TTL" if inventory.ttl is None else units.in_two_units(inventory.ttl)


def document(inventory: Inventory) -> dict[str, Any]:
    """Return what the JSON form says of one hash."""
    acl, at = stored_rules.rule_of(inventory.acl), inventory.at
    return {
        "xcom": shapes.of_xcom(at.dag_id, at.task_id, at.key, at.run_id),
        "values": inventory.values,
        **descriptions.document(descriptions.common(inventory.held)),
        "codecs": _codecs(inventory),
        "bytes_in_redis": inventory.bytes,
        "bytes_elsewhere": inventory.bytes_elsewhere,
        "seconds_left": None if inventory.ttl is None else int(inventory.ttl.total_seconds()),
        "claimed": sum(held.claimed for held in inventory.held),
        "rule": None if acl is None else shapes.of_rule(acl.rules[0]),
    }


def _order(inventory: Inventory) -> tuple[str, ...]:
    at = inventory.at
    return at.dag_id, at.task_id, at.key, at.run_id, at.ti_id or ""


def _row(inventory: Inventory) -> list[str]:
    mapped = [held for held in inventory.held if held.map_index != NOT_MAPPED]
    elsewhere = inventory.bytes_elsewhere
    return [
        name_of(inventory),
        inventory.at.run_id,
        f"{inventory.values} mapped" if mapped else str(inventory.values),
        *descriptions.cells(inventory.held),
        ", ".join(_codecs(inventory)),
        units.in_bytes(inventory.bytes),
        units.in_bytes(elsewhere) if elsewhere else "",
        kept_for(inventory),
        stored_rules.readers(stored_rules.rule_of(inventory.acl)),
    ]


def _codecs(inventory: Inventory) -> list[str]:
    return sorted({held.envelope.codec if held.envelope else "unreadable" for held in inventory.held})
