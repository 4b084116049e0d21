"""`exclusive-xcom who-can XCOM` lists everybody who may pull an XCom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import XComName
from exclusive_redis_xcom.cli.access import dags, output, shapes, status

if TYPE_CHECKING:
    import argparse

    from exclusive_redis_xcom.access import Access


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "List everybody who may pull an XCom, with the reason: tasks of the same DAG and of other DAGs. The class "
        "maybe is for what cannot be known, such as tasks of DAGs that are not here. Exit status: 0 somebody may, "
        "besides the task that pushes it; 1 nobody may; 2 perhaps somebody may, or it cannot be decided."
    )
    parser.add_argument("xcom", metavar="XCOM", help="the XCom, as DAG/TASK:KEY")
    output.add_option(parser)
    dags.add_options(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """List who may pull.

    Returns:
        0 if somebody besides the producer may, 1 if nobody may, 2 if only perhaps somebody may.
    """
    xcom = XComName.parse(args.xcom)
    return ask(dags.access_of(args), xcom, form=args.output)


def ask(access: Access, xcom: XComName, *, form: str) -> int:
    """Answer about DAGs that have been read, in a form of `output`."""
    from exclusive_redis_xcom.access import telling

    readers = access.who_can(xcom)
    listing = output.Listing(
        ("WHO", output.MAY, "WHY"),
        [(reader.name, reader.verdict.value, telling.why(reader)) for reader in readers],
        {
            "xcom": shapes.of_xcom(*xcom),
            "readers": [
                {
                    "consumer": shapes.of_name(reader.name),
                    "verdict": reader.verdict.value,
                    "reason": reader.reason,
                    "conditions": list(reader.conditions),
                }
                for reader in readers
            ],
        },
    )
    output.write(form, listing)
    output.say(telling.unknown_key(access, xcom))
    return status.of_all(reader.verdict for reader in readers if reader.name != str(xcom.producer))
