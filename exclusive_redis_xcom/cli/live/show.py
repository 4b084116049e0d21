"""`exclusive-xcom show XCOM` tells everything about an XCom in Redis, and its value only with `--value`."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access import XComName
from exclusive_redis_xcom.access.printable import printable
from exclusive_redis_xcom.cli import units
from exclusive_redis_xcom.cli.access import output, status
from exclusive_redis_xcom.cli.live import descriptions, ls, opened, preview_forms, stored_rules
from exclusive_redis_xcom.model import NOT_MAPPED

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from exclusive_redis_xcom.cli.live.revealing import Chosen
    from exclusive_redis_xcom.store import Store
    from exclusive_redis_xcom.store.inventory import Held, Inventory

_HEADERS = (
    *("RUN", "MAP INDEX", "TYPE", "SHAPE", "CODEC", "DECODED", "STORED", "PLACE", "ENCRYPTED", "PUSHED AT"),
    *("CLAIMED", "KEPT FOR"),
)


#: So many results of a mapped task are looked through for a map index.
_MOST_LOOKED_THROUGH = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Tell everything about an XCom that Redis holds, but not its value. For each value, that is its type, shape, "
        "codec, size, place, encryption, push, claim and TTL, and the rule in force. With --value, show a preview of "
        "one value: plain data, text, bytes, arrays and tables, never more than 1 MiB. Before that, a row of Airflow's "
        "audit log says who asked. Exit status: 0 there is one; 1 there is none, or its value is not shown; 2 Redis, "
        f"or for --value Airflow's database, cannot be asked. {opened.HELP} --value needs the right hmget, too."
    )
    parser.add_argument("xcom", metavar="XCOM", help="the XCom, as DAG/TASK:KEY")
    parser.add_argument("--run", metavar="RUN", help="show one run alone")
    parser.add_argument(
        "--value", action="store_true", help="show the newest value, unless --run and --map-index name another"
    )
    parser.add_argument("--map-index", type=int, metavar="N", help="show the value of one map index alone")
    output.add_option(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Tell it, for each run.

    Returns:
        0 if there is one, 1 if there is none, or if its value is asked for and not shown.
    """
    with opened.opened_store() as store:
        found = _found(store, args)
        if args.value:
            return _with_value(store, found, args)
    listing = output.Listing(
        _HEADERS,
        [_row(each, held) for each in found for held in each.held],
        {"xcoms": [{**ls.document(each), "held": [_document(held) for held in each.held]} for each in found]},
    )
    output.write(args.output, listing)
    output.say(*(line(each) for line in (_rule, _names, _more) for each in found))
    if not found:
        output.say(_nothing(args))
    return status.YES if found else status.NO


def _found(store: Store, args: argparse.Namespace) -> list[Inventory]:
    xcom = XComName.parse(args.xcom)
    most = {} if args.map_index is None else {"most_values": _MOST_LOOKED_THROUGH}
    found = sorted(
        (
            each
            for each in store.inventory(xcom.dag_id, xcom.task_id, **most)
            if each.at.key == xcom.key and args.run in (None, each.at.run_id)
        ),
        key=lambda each: each.at.run_id,
    )
    return found if args.map_index is None else [one for each in found for one in _only(each, args.map_index)]


def _only(inventory: Inventory, map_index: int) -> Iterator[Inventory]:
    held = tuple(held for held in inventory.held if held.map_index == map_index)
    if held:
        yield replace(inventory, held=held)


def _with_value(store: Store, found: list[Inventory], args: argparse.Namespace) -> int:
    """Tell one value alone, with its preview."""
    from exclusive_redis_xcom.cli.live import revealing
    from exclusive_redis_xcom.settings import load_settings

    chosen = revealing.choose(found)
    if chosen is None:
        output.say(_nothing(args))
        return status.NO
    with contextlib.redirect_stdout(sys.stderr):  # output of Airflow must not get between the lines
        preview = revealing.reveal(store, load_settings(), chosen)
    each, held = chosen.inventory, chosen.held
    document = {**_document(held), "value": preview_forms.document(preview)}
    listing = output.Listing(
        (*_HEADERS, *(preview_forms.PLAIN_HEADERS if args.output == output.PLAIN else ())),
        [[*_row(each, held), *(preview_forms.cells(preview) if args.output == output.PLAIN else ())]],
        {"xcoms": [{**ls.document(each), "held": [document]}]},
    )
    output.write(args.output, listing)
    if args.output == output.TABLE:
        preview_forms.write_below(preview)
    output.say(_rule(each), _names(each), _which(chosen), *preview_forms.remarks(preview))
    return status.NO if preview.kind == "hidden" else status.YES


def _nothing(args: argparse.Namespace) -> str:
    text = opened.nothing(args.xcom, args.run)
    return text if args.map_index is None else text.replace(". It has", f" at map index {args.map_index}. It has")


def _which(chosen: Chosen) -> str | None:
    """Say which of several values is shown."""
    if chosen.candidates == 1:
        return None
    at = chosen.at
    mapped = "" if at.map_index == NOT_MAPPED else f", map index {at.map_index}"
    return (
        f"Shown is the newest of {chosen.candidates} values: run {printable(at.run_id)}{mapped}. "
        "Name another with --run and --map-index."
    )


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
    return printable(f"Run {inventory.at.run_id}: readers are {stored_rules.readers(acl)}{where}.")


def _names(inventory: Inventory) -> str | None:
    names = descriptions.names(descriptions.common(inventory.held))
    return None if names is None else f"Run {printable(inventory.at.run_id)}: {names}."


def _more(inventory: Inventory) -> str | None:
    more = inventory.values - len(inventory.held)
    return f"Run {printable(inventory.at.run_id)}: {more} more values are not shown." if more > 0 else None
