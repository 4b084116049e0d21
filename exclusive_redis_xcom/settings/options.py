"""The options of section `exclusive_redis_xcom`: the one table of their names, defaults and texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl import POLICY_WORDS
from exclusive_redis_xcom.crypto import EncryptionKeys, SealPrivateKeys, SealPublicKey
from exclusive_redis_xcom.settings.converters import (
    conn_id,
    integer,
    object_storage_url,
    prefix,
    seconds,
    word,
    yes_or_no,
)

if TYPE_CHECKING:
    from collections.abc import Callable

#: What AES-GCM takes at most in one message (2 GiB, see `crypto/payload.py`), less one MiB.
LARGEST_VALUE_BYTES = 2047 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Option:
    """One option: how Airflow shows it and how its text becomes a value.

    `read` takes the configured text and returns the value, or raises ValueError. `accepted` says in
    words what `read` takes; error messages quote it, and the text itself unless `shown` is False. `explains`:
    what `read` raises says more, and never quotes the text.
    """

    name: str
    kind: str
    default: str
    description: str
    accepted: str
    read: Callable[[str], Any]
    sensitive: bool = False
    shown: bool = True
    example: str | None = None
    explains: bool = False


_MAX_TTL_SECONDS = 10 * 365 * 24 * 3600

OPTIONS: tuple[Option, ...] = (
    Option(
        "redis_url",
        "string",
        "",
        "URL of the Redis that holds XCom values. Wins over redis_conn_id. Sentinel and Cluster have URLs too: "
        "redis+sentinel://host:26379,host:26379/mymaster/0 and redis+cluster://host:6379,host:6379.",
        "a URL: redis://, rediss://, unix://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or "
        "rediss+cluster://",
        lambda text: text or None,
        sensitive=True,
        shown=False,
        example="rediss://user:password@redis.example.com:6379/0",
    ),
    Option(
        "redis_conn_id",
        "string",
        "redis_default",
        "Airflow connection of type redis that is used when redis_url is empty.",
        "the id of an Airflow connection of type redis; a URL goes into redis_url",
        conn_id,
        shown=False,  # a URL with a password ends up here by mistake
    ),
    Option(
        "ttl_seconds",
        "integer",
        "604800",
        "How long a value stays in Redis after its push, in seconds. A rule's own ttl_seconds wins.",
        f"a whole number from 1 to {_MAX_TTL_SECONDS}",
        integer(1, _MAX_TTL_SECONDS),
    ),
    Option(
        "default_consumers",
        "string",
        "same_dag",
        "Who may pull keys that no rule of the DAG's xcom_acl covers: same_dag, linked (tasks that take the XCom "
        "as an argument or template field), downstream, nobody or anyone.",
        "one of " + ", ".join(sorted(POLICY_WORDS)),
        word(*POLICY_WORDS),
    ),
    Option(
        "mode",
        "string",
        "enforce",
        "enforce refuses; report only logs and counts what would be refused and returns the value, for rolling "
        "out on existing DAGs.",
        "enforce or report",
        word("enforce", "report"),
    ),
    Option(
        "enforcement",
        "string",
        "worker",
        "Where the decision is made: worker, the pulling task's own process; server, Airflow's API server, to which "
        "values are sealed.",
        "worker or server",
        word("worker", "server"),
    ),
    Option(
        "key_prefix",
        "string",
        "exclusive_redis_xcom",
        "First part of every Redis key, for sharing one Redis between installations.",
        "1 to 100 letters, digits, '_', '.', ':' or '-'",
        prefix,
    ),
    Option(
        "max_value_bytes",
        "integer",
        str(128 * 1024 * 1024),
        "Largest encoded value in bytes; a larger push fails before anything is sent.",
        f"a whole number from 1 to {LARGEST_VALUE_BYTES}",
        integer(1, LARGEST_VALUE_BYTES),
    ),
    Option(
        "compression",
        "string",
        "auto",
        "auto compresses with zstd where a sample says that it pays, over 1 MiB only where a twentieth is left; "
        "zstd always; off never.",
        "auto, zstd or off",
        word("auto", "zstd", "off"),
    ),
    Option(
        "direct_pulls",
        "string",
        "auto",
        "auto lets a task read a value from Redis without asking Airflow's API server first, where the value is proven "
        "to be what the API server would answer with; off never. Only with enforcement = worker.",
        "auto or off",
        word("auto", "off"),
    ),
    Option(
        "spill_path",
        "string",
        "",
        "Airflow ObjectStoragePath of a place that only XComs use; values over spill_threshold_bytes go there instead "
        "of Redis. Empty: all values go to Redis.",
        "a URL that Airflow's ObjectStoragePath takes, s3://conn_id@bucket/prefix for one, without a password in it",
        object_storage_url,
        shown=False,  # a URL with a password ends up here by mistake
        example="s3://aws_default@my-bucket/xcoms",
    ),
    Option(
        "spill_threshold_bytes",
        "integer",
        str(32 * 1024 * 1024),
        "Size in bytes, as it is stored, over which a value goes to spill_path; without spill_path it means nothing.",
        f"a whole number from 0 to {LARGEST_VALUE_BYTES}",
        integer(0, LARGEST_VALUE_BYTES),
    ),
    Option(
        "connect_timeout",
        "float",
        "2.0",
        "Seconds to wait for a connection to Redis.",
        "seconds from 0.01 to 300",
        seconds(0.01, 300),
    ),
    Option(
        "read_timeout",
        "float",
        "5.0",
        "Seconds to wait for each answer from Redis.",
        "seconds from 0.01 to 300",
        seconds(0.01, 300),
    ),
    Option(
        "retry_deadline",
        "float",
        "20.0",
        "Seconds after which a push or pull that keeps failing for want of Redis gives up; 0 tries once.",
        "seconds from 0 to 3600",
        seconds(0, 3600),
    ),
    Option(
        "seal",
        "string",
        "all",
        "With enforcement = server: which values are sealed; all, or restricted: only those whose key has a rule.",
        "all or restricted",
        word("all", "restricted"),
    ),
    Option(
        "seal_public_key",
        "string",
        "",
        "With enforcement = server, on workers: the key that values are sealed to. Made by `exclusive-xcom keygen`.",
        "the text that `exclusive-xcom keygen` prints for it, xrx-pub-...",
        lambda text: SealPublicKey.parse(text) if text else None,
        shown=False,  # a private key ends up here by mistake
        explains=True,
        example="xrx-pub-3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08",
    ),
    Option(
        "seal_private_keys",
        "string",
        "",
        "With enforcement = server, on API servers alone: the keys that open sealed values, newest first, separated "
        "by commas. Workers must not have them.",
        "a list of texts that `exclusive-xcom keygen` prints for it, separated by commas",
        SealPrivateKeys.parse,
        sensitive=True,
        shown=False,
        explains=True,
    ),
    Option(
        "encryption_keys",
        "string",
        "",
        "Keys that encrypt values at rest in Redis where they are not sealed, newest first, separated by commas. "
        "Made by `exclusive-xcom keygen --encryption`; the same on all workers.",
        "a list of texts that `exclusive-xcom keygen --encryption` prints, separated by commas",
        EncryptionKeys.parse,
        sensitive=True,
        shown=False,
        explains=True,
    ),
    Option(
        "allow_plaintext_read",
        "boolean",
        "False",
        "Whether values that are neither sealed nor encrypted may still be read where new ones are; for the TTL "
        "after switching encryption or sealing on.",
        "True or False",
        yes_or_no,
    ),
    Option(
        "mask",
        "string",
        "restricted",
        "Which pulled values Airflow is told to mask in logs and rendered fields: restricted (keys that have a "
        "rule), all or off.",
        "restricted, all or off",
        word("restricted", "all", "off"),
    ),
    Option(
        "audit",
        "string",
        "denied",
        "With enforcement = server: what the API server writes to Airflow's audit log; denied (refusals and claims), "
        "all (also granted pulls and removals) or off.",
        "denied, all or off",
        word("denied", "all", "off"),
    ),
    Option(
        "audit_strict",
        "boolean",
        "False",
        "With enforcement = server: whether a value is released only after its audit row is written; implies "
        "audit = all.",
        "True or False",
        yes_or_no,
    ),
)
