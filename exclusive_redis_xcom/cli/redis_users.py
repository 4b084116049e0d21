"""`exclusive-xcom redis-users` prints the two restricted Redis users, with passwords that nobody has seen.

`redis-users.acl` beside this module is the one source. Redis loads it (`--aclfile`), and so do the tests, `make up` and
docker-compose.yaml.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKER, API_SERVER, DOCTOR = "exclusive_redis_xcom", "exclusive_redis_xcom_api", "exclusive_redis_xcom_doctor"

#: What the doctor sends as the user of `--redis-url`.
_DOCTOR_RIGHTS = "resetkeys resetchannels -@all +ping +select +info +config|get +acl|dryrun"

_PREFIX = "exclusive_redis_xcom"
_KEYS = f"~{_PREFIX}:*"
_PASSWORD = re.compile(r">\S+")
# As `[exclusive_redis_xcom] key_prefix` takes it. A glob's characters in a prefix would match keys of others.
_ACCEPTED_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_BYTES = 24

_NOTE = """\
These lines are a users file of Redis (--aclfile). The text after > is the
user's password. Keep the file from other users of the machine:

  (umask 077; exclusive-xcom redis-users > users.acl)

{notes}
Nobody can log in as 'default'. Redis needs its rights to load its own files.
In a Redis that already runs, give each program that logs in as 'default' a
user of its own first. Then run ACL SETUSER with the rest of each line, CLIENT
KILL USER default, and ACL SAVE. Do so on the master, on each replica and on
each node, because Redis does not replicate users. Without a users file, put
the lines into redis.conf instead of running ACL SAVE.
"""
_NOTES = {
    WORKER: "workers, and whatever else runs tasks:\n  REDIS_URL",
    API_SERVER: "API servers (and never for workers):\n  REDIS_URL",
    DOCTOR: "the doctor, to look at the server:\n  EXCLUSIVE_XCOM_DOCTOR_REDIS_URL",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Print the Redis users that this package needs, as lines of a users file of Redis (--aclfile), with new "
        "passwords. Standard error says which user is for what. The command stores nothing."
    )
    parser.add_argument(
        "--key-prefix",
        type=_prefix,
        default=_PREFIX,
        metavar="PREFIX",
        help=f"the setting key_prefix, if it is not the default ({_PREFIX})",
    )
    parser.add_argument(
        "--with-doctor",
        action="store_true",
        help="print a third user, who may run INFO, CONFIG GET and ACL DRYRUN, for `exclusive-xcom doctor --redis-url`",
    )


def main(args: argparse.Namespace) -> int:
    """Print the users on standard output, and what they are for on standard error.

    Returns:
        0, the exit status.
    """
    sys.stdout.writelines(f"{line}\n" for line in users(args.key_prefix, with_doctor=args.with_doctor))
    sys.stdout.flush()
    notes = [
        f"{name}: for {note}=redis://{name}:PASSWORD@HOST:6379/0\n"
        for name, note in _NOTES.items()
        if name != DOCTOR or args.with_doctor
    ]
    sys.stderr.write(_NOTE.format(notes="".join(notes)))
    return 0


def users(key_prefix: str = _PREFIX, *, with_doctor: bool = False) -> Iterator[str]:
    """Yield the lines of a users file, with new passwords.

    Args:
        key_prefix: What the names of our keys begin with.
        with_doctor: Whether to add a user for the doctor.
    """
    source = (resources.files(__package__) / "redis-users.acl").read_text(encoding="utf-8")
    for line in source.splitlines():
        yield _PASSWORD.sub(f">{_password()}", line).replace(_KEYS, f"~{key_prefix}:*")
    if with_doctor:
        yield f"user {DOCTOR} on >{_password()} {_DOCTOR_RIGHTS}"


def _password() -> str:
    return secrets.token_hex(_BYTES)


def _prefix(text: str) -> str:
    if not _ACCEPTED_PREFIX.fullmatch(text):
        msg = f"{text!r} is no key_prefix; write 1 to 100 letters, digits, '_', '.', ':' or '-'"
        raise argparse.ArgumentTypeError(msg)
    return text
