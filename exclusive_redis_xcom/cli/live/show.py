"""`exclusive-xcom show XCOM` tells everything about an XCom in Redis but its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access import XComName
from exclusive_redis_xcom.access.printable import printable
from exclusive_redis_xcom.cli import units
from exclusive_redis_xcom.cli.access import output, status
from exclusive_redis_xcom.cli.live import descriptions, ls, opened, stored_rules

if TYPE_CHECKING:
    import argparse

    from exclusive_redis_xcom.store.inventory import Held, Inventory

_HEADERS = (
    *("RUN", "MAP INDEX", "TYPE", "SHAPE", "CODEC", "DECODED", "STORED", "PLACE", "ENCRYPTED", "PUSHED AT"),
    *("CLAIMED", "KEPT FOR"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Tell everything about an XCom that Redis holds but its value: each value's type, shape, codec, size, place, "
        "encryption, push, claim and TTL, and the rule in force. Exit status: 0 there is one; 1 there is none; 2 Redis "
        f"cannot be asked. {opened.HELP}"
    )
    parser.add_argument("xcom", metavar="XCOM", help="the XCom, as DAG/TASK:KEY")
    parser.add_argument("--run", metavar="RUN", help="show one run alone")
    output.add_option(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Tell it, for each run.

    Returns:
        0 if there is one, 1 if there is none.
    """
    xcom = XComName.parse(args.xcom)
    with opened.opened_store() as store:
        found = sorted(
            (
                each
                for each in store.inventory(xcom.dag_id, xcom.task_id)
                if each.at.key == xcom.key and args.run in (None, each.at.run_id)
            ),
            key=lambda each: each.at.run_id,
        )
    listing = output.Listing(
        _HEADERS,
        [_row(each, held) for each in found for held in each.held],
        {"xcoms": [{**ls.document(each), "held": [_document(held) for held in each.held]} for each in found]},
    )
    output.write(args.output, listing)
    output.say(*(line(each) for line in (_rule, _names, _more) for each in found))
    if not found:
        output.say(opened.nothing(args.xcom, args.run))
    return status.YES if found else status.NO


def _row(inventory: Inventory, held: Held) -> list[str]:
    said, head = _document(held), held.envelope
    return [
        inventory.at.run_id,
        str(held.map_index),
        *descriptions.cells([held]),
        said["codec"] or "unreadable",
        "" if head is None else units.in_bytes(head.decoded_size),
        units.in_bytes(held.bytes + held.bytes_elsewhere),
        said["place"],
        "" if head is None else ("yes" if said["encrypted"] else "no"),
        said["pushed_at"] or "",
        "yes" if held.claimed else "no",
        ls.kept_for(inventory),
    ]


def _document(held: Held) -> dict[str, Any]:
    head = held.envelope
    return {
        "map_index": held.map_index,
        **descriptions.document(descriptions.description_of(held)),
        "bytes_in_redis": held.bytes,
        "bytes_elsewhere": held.bytes_elsewhere,
        "place": "object storage" if held.spilled else "Redis",
        "claimed": held.claimed,
        "codec": None if head is None else head.codec,
        "compression": None if head is None else head.compression,
        "decoded_size": None if head is None else head.decoded_size,
        "encrypted": None if head is None else head.key_id is not None,
        "pushed_at": None if head is None else head.pushed_at.isoformat(timespec="seconds"),
        "version": None if head is None else head.version,
    }


def _rule(inventory: Inventory) -> str:
    acl = stored_rules.rule_of(inventory.acl)
    where = "" if acl is None else f", by {acl.source}"
    return f"Run {printable(inventory.at.run_id)}: readers are {stored_rules.readers(acl)}{where}."


def _names(inventory: Inventory) -> str | None:
    names = descriptions.names(descriptions.common(inventory.held))
    return None if names is None else f"Run {printable(inventory.at.run_id)}: {names}."


def _more(inventory: Inventory) -> str | None:
    more = inventory.values - len(inventory.held)
    return f"Run {printable(inventory.at.run_id)}: {more} more values are not shown." if more > 0 else None
