"""Hold the one table of the options of section `exclusive_redis_xcom`: names, defaults and texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl import POLICY_WORDS
from exclusive_redis_xcom.acl.rule import STRICTER_WORDS
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

#: AES-GCM takes at most 2 GiB in one message (`crypto/payload.py`). One MiB is left for what surrounds the value.
LARGEST_VALUE_BYTES = 2047 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Option:
    """One option: how Airflow shows it, and how its text becomes a value.

    `read` takes the configured text and returns the value, or raises ValueError. `accepted` says in words what `read`
    takes. Error messages quote `accepted`; they quote the configured text only if `shown` is True. If `explains` is
    True, the error of `read` says more than `accepted` does, and never quotes the text.
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
        "This URL names the Redis that holds XCom values. It takes precedence over redis_conn_id. Sentinel and Cluster "
        "have URLs too: redis+sentinel://host:26379,host:26379/mymaster/0 and redis+cluster://host:6379,host:6379.",
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
        "The Airflow connection with this id is used when redis_url is empty. Its type must be redis.",
        "the id of an Airflow connection of type redis; a URL goes into redis_url",
        conn_id,
        shown=False,  # a URL with a password ends up here by mistake
    ),
    Option(
        "ttl_seconds",
        "integer",
        "604800",
        "A value stays in Redis for this many seconds after its push. The default is 7 days. The ttl_seconds of a rule "
        "takes precedence.",
        f"a whole number from 1 to {_MAX_TTL_SECONDS}",
        integer(1, _MAX_TTL_SECONDS),
    ),
    Option(
        "default_consumers",
        "string",
        "same_dag",
        "This option says who may pull a key that no rule in the DAG's xcom_acl covers. same_dag: all tasks of the "
        "DAG. linked: tasks that take the XCom as an argument or in a template field. downstream: tasks after the "
        "producer. nobody: only the producer. anyone: all tasks of all DAGs.",
        "one of " + ", ".join(sorted(POLICY_WORDS)),
        word(*POLICY_WORDS),
    ),
    Option(
        "report_consumers",
        "string",
        "",
        "This option tries out a stricter policy for keys without a rule: linked, downstream or nobody. "
        "default_consumers still decides. A pull that the stricter policy would refuse gets its value, and is logged, "
        "counted and recorded. If the option is empty, nothing is reported.",
        "one of " + ", ".join(sorted(STRICTER_WORDS)) + ", or nothing",
        lambda text: word(*STRICTER_WORDS)(text) if text else None,
        example="linked",
    ),
    Option(
        "mode",
        "string",
        "enforce",
        "This option says what happens to a pull that the rules do not allow. enforce: it is refused. report: it "
        "returns the value, and is only logged and counted. Use mode = report to introduce rules into existing DAGs.",
        "enforce or report",
        word("enforce", "report"),
    ),
    Option(
        "enforcement",
        "string",
        "worker",
        "This option says where a pull is decided. worker: the process of the pulling task. server: Airflow's API "
        "server; values are sealed to its key.",
        "worker or server",
        word("worker", "server"),
    ),
    Option(
        "key_prefix",
        "string",
        "exclusive_redis_xcom",
        "Every key in Redis begins with this text. Installations that share one Redis need different prefixes.",
        "1 to 100 letters, digits, '_', '.', ':' or '-'",
        prefix,
    ),
    Option(
        "max_value_bytes",
        "integer",
        str(128 * 1024 * 1024),
        "An encoded value has at most this many bytes. The default is 128 MiB. The push of a larger value raises "
        "XComTooLarge before anything is sent.",
        f"a whole number from 1 to {LARGEST_VALUE_BYTES}",
        integer(1, LARGEST_VALUE_BYTES),
    ),
    Option(
        "compression",
        "string",
        "auto",
        "This option says which values are compressed with zstd. auto: those of which a sample shrinks enough; values "
        "over 1 MiB must shrink to a twentieth. zstd: every value, to save memory in Redis. off: none.",
        "auto, zstd or off",
        word("auto", "zstd", "off"),
    ),
    Option(
        "direct_pulls",
        "string",
        "auto",
        "This option says where a task reads values. It has an effect only with enforcement = worker. auto: from Redis "
        "alone, if the value is proven to be the one that Airflow's API server would return. off: every pull asks the "
        "API server.",
        "auto or off",
        word("auto", "off"),
    ),
    Option(
        "spill_path",
        "string",
        "",
        "Values over spill_threshold_bytes are stored below this Airflow ObjectStoragePath. Redis keeps their headers. "
        "Nothing else may be stored there. If spill_path is empty, all values go to Redis.",
        "a URL for ObjectStoragePath without a password, for example s3://conn_id@bucket/prefix",
        object_storage_url,
        shown=False,  # a URL with a password ends up here by mistake
        example="s3://aws_default@my-bucket/xcoms",
    ),
    Option(
        "spill_threshold_bytes",
        "integer",
        str(32 * 1024 * 1024),
        "Values whose stored size exceeds this number of bytes go to spill_path. The default is 32 MiB. The stored "
        "size is the size after compression and encryption. max_value_bytes applies to these values, too. Without "
        "spill_path, this option has no effect.",
        f"a whole number from 0 to {LARGEST_VALUE_BYTES}",
        integer(0, LARGEST_VALUE_BYTES),
    ),
    Option(
        "connect_timeout",
        "float",
        "2.0",
        "A connection to Redis may take this many seconds.",
        "seconds from 0.01 to 300",
        seconds(0.01, 300),
    ),
    Option(
        "read_timeout",
        "float",
        "5.0",
        "Each answer from Redis may take this many seconds.",
        "seconds from 0.01 to 300",
        seconds(0.01, 300),
    ),
    Option(
        "retry_deadline",
        "float",
        "20.0",
        "A push or pull tries again for this many seconds while Redis cannot be reached. 0: it tries once.",
        "seconds from 0 to 3600",
        seconds(0, 3600),
    ),
    Option(
        "seal",
        "string",
        "all",
        "This option says which values are sealed with enforcement = server. all: every value. restricted: values "
        "whose key has a rule.",
        "all or restricted",
        word("all", "restricted"),
    ),
    Option(
        "seal_public_key",
        "string",
        "",
        "Values are sealed to this public key. Workers need it with enforcement = server. `exclusive-xcom keygen` "
        "makes it.",
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
        "These private keys open sealed values. The list is separated by commas, and the newest key comes first. API "
        "servers need this list with enforcement = server. Workers must not have it. `exclusive-xcom keygen` makes a "
        "key.",
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
        "These keys encrypt values at rest that are not sealed. The list is separated by commas, and the newest key "
        "comes first. All workers need the same list. `exclusive-xcom keygen --encryption` makes a key.",
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
        "This option lets tasks pull values that were pushed before sealing or encryption was switched on. With seal = "
        "all, this includes plain values in XCom rows. Turn it off after the longest TTL. Until then, anybody who can "
        "write to Redis or to XCom rows can supply plain values.",
        "True or False",
        yes_or_no,
    ),
    Option(
        "mask",
        "string",
        "restricted",
        "This option says which pulled values Airflow masks in logs and rendered fields. restricted: values whose key "
        'has a rule; a DAG\'s "*" does not count as one. all: every value. off: none.',
        "restricted, all or off",
        word("restricted", "all", "off"),
    ),
    Option(
        "audit",
        "string",
        "denied",
        "This option says which events the API server writes to Airflow's audit log with enforcement = server. denied: "
        "refusals and claims. all: granted pulls and removals as well. off: none.",
        "denied, all or off",
        word("denied", "all", "off"),
    ),
    Option(
        "audit_strict",
        "boolean",
        "False",
        "With this option, a value is released only after its audit row is written. It implies audit = all, and has an "
        "effect only with enforcement = server.",
        "True or False",
        yes_or_no,
    ),
    Option(
        "observe",
        "string",
        "auto",
        "This option says what is recorded in Redis for the commands suggest, unused and denials. reads: who pulled "
        "what, and refusals. refusals: refusals alone. off: nothing. auto: reads with mode = report, else refusals. "
        "No value and no run is recorded.",
        "auto, reads, refusals or off",
        word("auto", "reads", "refusals", "off"),
    ),
    Option(
        "describe",
        "string",
        "open",
        "This option says which values are described in Redis for the commands ls and show. A description tells type, "
        "shape, and names of columns and keys, all in clear. open: values that are neither sealed nor encrypted, and "
        'whose key has no rule; a DAG\'s "*" does not count as one. all: every value. off: none.',
        "open, all or off",
        word("open", "all", "off"),
    ),
    Option(
        "ui_reveal",
        "string",
        "open",
        "This option says which values the page XComs reveals in Airflow's UI, by a click, to users whom Airflow lets "
        'read XComs. open: values whose key has no rule; a DAG\'s "*" does not count as one. all: every value but '
        "those that are read once. off: none. An audit row is written first.",
        "open, all or off",
        word("open", "all", "off"),
    ),
    Option(
        "format",
        "integer",
        "3",
        "This option says in which format pushes write, and API servers answer. 3: the present one. 2: the one before, "
        "which older releases read as well. Set 2 while an older release still runs, and remove it afterwards. Both "
        "formats are always read.",
        "2 or 3",
        integer(2, 3),
    ),
)
