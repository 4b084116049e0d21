"""The claims of the demo. Each is observed from outside: in task logs, Airflow's database file, Redis and the API.

The token is never printed. The search for it compares SHA-256 digests with the digest that the pushing task logged.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import codec
from exclusive_redis_xcom.crypto import Forged, SealPrivateKeys, decrypt, payload_aad
from exclusive_redis_xcom.crypto.opening import open_for
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.formats import reference
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.model import Principal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import redis

    from devtools.airflow_stack import AirflowStack
    from exclusive_redis_xcom.acl import Acl

DAG_ID = "hostile_task"
TOKEN_CHARACTERS = 32
#: So much of a reference is shown: its version and coordinate.
SHOWN_CHARACTERS = 200
DIGEST = re.compile(r"a token with SHA-256 ([0-9a-f]{64})")
# Airflow appends what it knows about a line of output.
PULL_REFUSED = re.compile(r"1\. pull refused: (.*?)(?: level=\w+ logger=\S+)?$", re.MULTILINE)
REPORT_REFUSED = re.compile(r"(report may not pull 'token' of extract: only load may\.)")
OVERWRITE_REFUSED = re.compile(r"3\. overwrite refused: (.*?)(?: level=\w+ logger=\S+)?$", re.MULTILINE)


@dataclass(frozen=True)
class Observation:
    """One line of the table: what must be so, whether it was, and what was seen."""

    claim: str
    holds: bool
    seen: str


@dataclass(frozen=True)
class Loot:
    """Everything that the intruder got: the row from the API server, the value from Redis, its process's settings."""

    row: Any
    value: bytes
    settings: str

    @property
    def texts(self) -> Iterable[bytes]:
        """All of it, to search through."""
        return json.dumps(self.row).encode(), self.value, self.settings.encode()


def consumer_served(states: Mapping[str, str | None], pushed: str | None, pulled: str | None) -> Observation:
    """Tell whether the declared consumer got the very token."""
    return Observation(
        "load, the declared consumer, got the token",
        states.get("load") == "success" and pushed is not None and pulled == pushed,
        f"{states.get('load')}; SHA-256 pushed {short(pushed)}, pulled {short(pulled)}",
    )


def pull_refused(log: str) -> Observation:
    """Tell whether the intruder's pull was refused, and for the right reason."""
    refusal = first(PULL_REFUSED, log)
    return Observation(
        "intruder, which nobody declared, was refused the pull",
        refusal is not None and "intruder may not pull '" in refusal,
        refusal or "no refusal of a pull in its log",
    )


def report_refused(states: Mapping[str, str | None], log: str) -> Observation:
    """Tell whether the pull of `report` in examples/exclusive_token was refused, and the task failed for it."""
    refusal = first(REPORT_REFUSED, log)
    return Observation(
        "report, which nobody declared, was refused the pull",
        states.get("report") == "failed" and refusal is not None,
        f"{states.get('report')}; {refusal or 'no refusal of a pull in its log'}",
    )


def loot_is_sealed(loot: Loot | None, rows: list[Any], digest: str | None, private_keys: str) -> Observation:
    """Tell whether the intruder held row and value, could read neither, and held the token nevertheless.

    The API server's private key, which the intruder lacks, shows that the token was in the value. It opens the row as
    Airflow's database holds it, because the row that the intruder got has no key of use.
    """
    claim = "intruder fetched row and value around the backend, and they are sealed to it"
    if loot is None or digest is None:
        return Observation(claim, False, "it got hold of nothing")
    if any(holds_token(text, digest) for text in loot.texts):
        return Observation(claim, False, "the token lies open in what it got hold of!")
    if private_keys in loot.settings:
        return Observation(claim, False, "the private key is in the intruder's environment!")
    inside = opened(loot, rows, private_keys)
    is_token = inside is not None and sha256(inside.encode()).hexdigest() == digest
    opens = "Only the private key of the API server opens them." if is_token else "The token is not in them."
    return Observation(
        claim, is_token, f"{len(json.dumps(loot.row))} bytes of row, {len(loot.value)} of value. {opens}"
    )


def overwrite_refused(log: str, rows: list[Any]) -> Observation:
    """Tell whether the API server refused to overwrite another task's XCom, and the row is still a reference."""
    refusal = first(OVERWRITE_REFUSED, log)
    intact = len(rows) == 1 and reference.is_reference(rows[0])
    return Observation(
        "intruder could not overwrite the token",
        refusal is not None and "403" in refusal and "access_denied" in refusal and intact,
        refusal or "no refusal of a write in its log",
    )


def reference_only(airflow: AirflowStack, rows: list[Any], digest: str | None) -> Observation:
    """Tell whether the row is a reference, and the token is nowhere in Airflow's database file."""
    files = [path.read_bytes() for path in airflow.home.glob("airflow.db*")]
    leaked = any(holds_token(data, digest) for data in files)
    is_reference = len(rows) == 1 and reference.is_reference(rows[0])
    return Observation(
        "Airflow's database holds a reference, not the token",
        is_reference and bool(files) and digest is not None and not leaked,
        ("the token is in the database file! " if leaked else "")
        + (beginning(rows[0]) if is_reference else f"{len(rows)} rows that are not one reference"),
    )


def in_redis(connection: redis.Redis, prefix: str, digest: str | None) -> Iterator[Observation]:
    """Tell whether Redis holds the value in a hash that expires, and the token nowhere in the open."""
    names = list(connection.scan_iter(match=f"{prefix}:*"))
    tokens = [name for name in names if name.endswith(b":token")]
    fields: list[Any] = [field for name in names for field in connection.hvals(name)]
    leaked = any(holds_token(field, digest) for field in fields)
    yield Observation(
        "Redis holds it sealed, in one hash",
        len(tokens) == 1 and digest is not None and not leaked,
        ("the token lies open in Redis! " if leaked else "")
        + (", ".join(name.decode() for name in tokens) or "no such key"),
    )
    yield all_expire(connection, prefix)


def all_expire(connection: redis.Redis, prefix: str) -> Observation:
    """Tell whether each hash has a TTL."""
    ttls = [connection.ttl(name) for name in connection.scan_iter(match=f"{prefix}:*")]
    hashes = "1 hash" if len(ttls) == 1 else f"{len(ttls)} hashes"
    return Observation(
        "every hash has a TTL",
        bool(ttls) and min(ttls) > 0,
        f"{hashes}, TTL {min(ttls, default=0)} s or more",
    )


def audited(entries: Iterable[Mapping[str, Any]]) -> Observation:
    """Tell whether the refusals are in Airflow's audit log."""
    events = sorted({str(entry["event"]) for entry in entries if "intruder" in str(entry["owner"])})
    return Observation(
        "the refusals are in Airflow's audit log",
        {"xcom_denied", "xcom_write_denied"} <= set(events),
        ", ".join(events) or "nothing about the intruder",
    )


def beginning(row: Any) -> str:
    """Return how a reference begins, and its length. A whole one would fill half the table."""
    text = json.dumps(row)
    return f"a reference of {len(text)} characters: {text[:SHOWN_CHARACTERS]}..."


def opened(loot: Loot, rows: list[Any], private_keys: str) -> str | None:
    """Open the looted value with the private key, as the API server does for the consumer; None if it does not open.

    Args:
        loot: What the intruder got.
        rows: The rows of the token in Airflow's database. There must be one, of the value that the intruder got.
        private_keys: The private key of the API server.
    """
    try:
        taken = reference.parse(loot.row)
        (found,) = map(reference.parse_stored, rows)
        if (found.coordinate, found.version) != (taken.coordinate, taken.version):
            return None
        verdict = open_for(
            found, Principal(DAG_ID, "load", found.coordinate.run_id, -1), SealPrivateKeys.parse(private_keys)
        )
        envelope = Envelope.unpack(loot.value, found.coordinate)
        if verdict.data_key is None or verdict.acl is None:
            return None
        payload = decrypt(joined(envelope.payload), verdict.data_key, _aad(envelope, verdict.acl))
    except (ExclusiveXComError, Forged, ValueError):
        return None
    value = codec.decode(
        payload,
        codec=envelope.codec,
        compression=envelope.compression,
        decoded_size=envelope.decoded_size,
        max_bytes=10_000,
    )
    return value if isinstance(value, str) else None


def holds_token(data: bytes, digest: str | None) -> bool:
    """Tell whether some 32 hexadecimal characters in `data` have that SHA-256."""
    candidates = re.finditer(rb"(?=([0-9a-f]{%d}))" % TOKEN_CHARACTERS, data)
    return any(sha256(found[1]).hexdigest() == digest for found in candidates)


def first(pattern: re.Pattern[str], text: str) -> str | None:
    """Return the first group of the first match."""
    found = pattern.search(text)
    return found[1] if found else None


def short(digest: str | None) -> str:
    """Return enough of a digest to compare by eye."""
    return f"{digest[:12]}…" if digest else "none"


def _aad(envelope: Envelope, acl: Acl) -> bytes:
    return payload_aad(
        envelope.coordinate,
        envelope.version,
        acl.dumps(),
        codec=envelope.codec,
        compression=envelope.compression,
        decoded_size=envelope.decoded_size,
    )
