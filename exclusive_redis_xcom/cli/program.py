"""The command `exclusive-xcom` makes keys and Redis users, checks an installation, and removes unused objects."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Sequence

_DISTRIBUTION = "exclusive-redis-xcom"
_OPTION = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__"

# Lines have at most 79 characters, because these texts are shown as they are, even in narrow terminals.
_KEYGEN_HELP = """\
Make new keys and print them on standard output, as environment variables.
Standard error says where each key belongs. The command stores nothing. This
keeps the keys in a file:

  (umask 077; exclusive-xcom keygen > keys.env)

Without options, keygen makes the pair of keys for 'enforcement = server'.
  SEAL_PUBLIC_KEY    for every process that runs tasks. Values are sealed to
                     this key. It is no secret.
  SEAL_PRIVATE_KEYS  for API servers alone. This key opens sealed values.
                     Whoever holds this key, and can read Airflow's database
                     and Redis, can read the values.

To change the pair without losing live values:
  1. On every API server, put the new private key in front of the list, and
     restart: SEAL_PRIVATE_KEYS=<new>,<old>
  2. Give workers the new public key, and restart. New pushes are sealed to
     this key.
  3. When the longest TTL in use has passed, drop the old private key, and
     restart.

To change an encryption key, which all workers share:
  1. Put the new key behind the old one everywhere, and restart: <old>,<new>
  2. Put the new key in front everywhere, and restart: <new>,<old>
     New pushes are encrypted with the new key.
  3. When the longest TTL in use has passed, drop the old key, and restart.

Airflow also reads these options from its configuration file, from a command
(AIRFLOW__..._CMD) and from a secrets backend (AIRFLOW__..._SECRET).
"""

_SEAL_NOTE = """\
SEAL_PUBLIC_KEY    for every process that runs tasks: workers, and the
                   scheduler with LocalExecutor. It is no secret.
SEAL_PRIVATE_KEYS  for API servers only. This key opens every sealed value.
                   Workers must not be able to read this key. To change keys,
                   see: exclusive-xcom keygen --help
"""

_ENCRYPTION_NOTE = """\
ENCRYPTION_KEYS  for every process that runs tasks. Whoever holds this key, and
                 can read Redis, can read the values. To change the key, see:
                 exclusive-xcom keygen --help
"""


@errors_without_locals
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: The arguments of the command. None stands for the arguments of the process.

    Returns:
        The exit status of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    args = _parser(arguments).parse_args(arguments)
    if args.command == "keygen":
        return _keygen(encryption=args.encryption)
    if args.command == "gc":
        from exclusive_redis_xcom.cli import gc

        return gc.main(args)
    if args.command == "redis-users":
        from exclusive_redis_xcom.cli import redis_users

        return redis_users.main(args)
    from exclusive_redis_xcom.cli import doctor

    status: int = doctor.main(args)
    return status


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="exclusive-xcom",
        description="Make keys and Redis users for exclusive-redis-xcom, the Airflow XCom backend; check and clean up "
        "an installation.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    keygen = commands.add_parser(
        "keygen",
        help="print new keys, as environment variables",
        description=_KEYGEN_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    keygen.add_argument(
        "--encryption",
        action="store_true",
        help="print a key for encryption at rest instead (ENCRYPTION_KEYS), for 'enforcement = worker'",
    )
    redis_users_parser = commands.add_parser("redis-users", help="print the restricted Redis users, with new passwords")
    if arguments[:1] == ["redis-users"]:
        from exclusive_redis_xcom.cli import redis_users

        redis_users.add_arguments(redis_users_parser)
    doctor = commands.add_parser("doctor", help="check this installation, and say what to change")
    if arguments[:1] == ["doctor"]:
        _add_doctor_arguments(doctor)
    gc_parser = commands.add_parser("gc", help="remove stored objects of large values that Redis no longer names")
    if arguments[:1] == ["gc"]:
        from exclusive_redis_xcom.cli import gc

        gc.add_arguments(gc_parser)
    return parser


class _Version(argparse.Action):
    """Prints the version of the installed distribution. Only this option pays for the look-up."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        sys.stdout.write(f"{_DISTRIBUTION} {version(_DISTRIBUTION)}\n")
        parser.exit()


def _add_doctor_arguments(parser: argparse.ArgumentParser) -> None:
    # This import happens only for the doctor: making a key must not wait for what the checks import.
    from exclusive_redis_xcom.cli import doctor

    doctor.add_arguments(parser)


def _keygen(*, encryption: bool) -> int:
    from exclusive_redis_xcom import crypto

    if encryption:
        lines = [f"ENCRYPTION_KEYS={crypto.generate_encryption_key()}"]
    else:
        public, private = crypto.generate_seal_keys()
        lines = [f"SEAL_PUBLIC_KEY={public}", f"SEAL_PRIVATE_KEYS={private}"]
    sys.stdout.writelines(f"{_OPTION}{line}\n" for line in lines)
    sys.stdout.flush()
    sys.stderr.write(_ENCRYPTION_NOTE if encryption else _SEAL_NOTE)
    return 0
