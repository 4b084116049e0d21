"""`airflow exclusive-xcom ...`: the same commands under Airflow's own command, from Airflow 3.2 on.

Every `airflow` command calls `commands`, through the key `cli` of the provider info. So nothing is imported here that
Airflow has not imported already. The module of one of our commands is imported only if that command runs.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.cli.program import COMMANDS, module_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_GROUP: Final = "exclusive-xcom"


class _Arguments:
    """All arguments of one command, in the place where Airflow expects one `Arg`."""

    #: Airflow sorts arguments by their flags.
    flags = ("arguments",)

    def __init__(self, name: str) -> None:
        self._name = name

    def add_to_parser(self, parser: argparse.ArgumentParser) -> None:
        """Declare the arguments, if it is this command that runs."""
        parser.set_defaults(command=self._name)
        if _is_called(self._name, sys.argv):
            parser.formatter_class = argparse.HelpFormatter  # Airflow's own does not break long lines
            module_of(self._name).add_arguments(parser)


def commands() -> list[Any]:
    """Return the group of commands for Airflow's command line."""
    from airflow.cli.cli_config import ActionCommand, GroupCommand

    return [
        GroupCommand(
            name=_GROUP,
            help="Tell who may read which XCom, and look after exclusive-redis-xcom",
            subcommands=[
                ActionCommand(name=name, help=command.help, func=_run, args=(_Arguments(name),))
                for name, command in COMMANDS.items()
            ],
        )
    ]


def _run(args: argparse.Namespace) -> None:
    from exclusive_redis_xcom.tracebacks import errors_without_locals

    sys.exit(errors_without_locals(module_of(args.command).main)(args))


def _is_called(name: str, argv: Sequence[str]) -> bool:
    return list(argv[1:3]) == [_GROUP, name]
