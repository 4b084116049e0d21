"""The command `exclusive-xcom`: one module for each of its commands.

A module is imported only when its command runs: making a key must not wait for what a check imports. Each has
`add_arguments(parser)` and `main(args)`, which returns the exit status.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Sequence

_DISTRIBUTION = "exclusive-redis-xcom"


class Command(NamedTuple):
    """A command: its module below `exclusive_redis_xcom.cli`, and what it does."""

    module: str
    help: str


COMMANDS: Final = {
    "can-pull": Command("access.can_pull", "tell whether a task may pull an XCom, and which rule decides"),
    "who-can": Command("access.who_can", "list everybody who may pull an XCom"),
    "what-can": Command("access.what_can", "list every XCom that a task may pull"),
    "explain": Command("access.explain", "show all rules for an XCom, and which of them decides"),
    "access": Command("access.overview", "show who may pull what: as a table, a picture or a page"),
    "lint": Command("access.lint", "check the access rules of DAG files; findings have stable codes"),
    "rule": Command("access.rule", "explain a check of lint, or list all of them"),
    "snapshot": Command("access.snapshot", "write who may read what, in one line for each grant"),
    "diff": Command("access.diff", "tell who gains or loses access between two sets of DAGs or revisions"),
    "ls": Command("live.ls", "list the XComs that Redis holds, without their values"),
    "show": Command("live.show", "tell everything about an XCom in Redis; its value only with --value"),
    "du": Command("live.du", "sum what XComs take in Redis and in object storage"),
    "suggest": Command("access.suggest", "print the smallest rules that cover what was really read"),
    "unused": Command("access.unused", "list grants and consumers that nobody has used"),
    "denials": Command("access.denials", "list who was refused which XCom, why, how often and when last"),
    "keygen": Command("keygen", "print new keys, as environment variables"),
    "redis-users": Command("redis_users", "print the restricted Redis users, with new passwords"),
    "doctor": Command("doctor", "check this installation, and say what to change"),
    "gc": Command("gc", "remove stored objects of large values that Redis no longer names"),
}


@errors_without_locals
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: The arguments of the command. None stands for the arguments of the process.

    Returns:
        The exit status of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(arguments)
    name = next(iter(arguments), "-")
    if not name.startswith("-") and name not in COMMANDS:
        from exclusive_redis_xcom.access import near

        parser.error(f"there is no command '{name}'.{near.did_you_mean(name, COMMANDS)} See exclusive-xcom --help")
    args = parser.parse_args(arguments)
    status: int = module_of(args.command).main(args)
    return status


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="exclusive-xcom",
        description="Tell who may read which XCom in your DAGs. Make keys and Redis users for exclusive-redis-xcom, "
        "the Airflow XCom backend; check and clean up an installation.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        of_command = commands.add_parser(name, help=command.help)
        if arguments[:1] == [name]:
            module_of(name).add_arguments(of_command)
    return parser


def module_of(name: str) -> Any:
    """Import the module of a command."""
    return importlib.import_module(f"exclusive_redis_xcom.cli.{COMMANDS[name].module}")


class _Version(argparse.Action):
    """Prints the version of the installed distribution. Only this option pays for the look-up."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        sys.stdout.write(f"{_DISTRIBUTION} {version(_DISTRIBUTION)}\n")
        parser.exit()
