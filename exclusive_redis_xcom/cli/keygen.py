"""`exclusive-xcom keygen` prints new keys. It stores nothing."""

from __future__ import annotations

import argparse
import sys

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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = _KEYGEN_HELP
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--encryption",
        action="store_true",
        help="print a key for encryption at rest instead (ENCRYPTION_KEYS), for 'enforcement = worker'",
    )


def main(args: argparse.Namespace) -> int:
    """Make keys and print them.

    Returns:
        0.
    """
    from exclusive_redis_xcom import crypto

    if args.encryption:
        lines = [f"ENCRYPTION_KEYS={crypto.generate_encryption_key()}"]
    else:
        public, private = crypto.generate_seal_keys()
        lines = [f"SEAL_PUBLIC_KEY={public}", f"SEAL_PRIVATE_KEYS={private}"]
    sys.stdout.writelines(f"{_OPTION}{line}\n" for line in lines)
    sys.stdout.flush()
    sys.stderr.write(_ENCRYPTION_NOTE if args.encryption else _SEAL_NOTE)
    return 0
