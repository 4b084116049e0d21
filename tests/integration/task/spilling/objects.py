"""What the tests of spilling push, and a look at the objects that a push made."""

from __future__ import annotations

import dataclasses
import secrets
from pathlib import Path
from typing import Any

import redis

from exclusive_redis_xcom.formats.envelope import Envelope
from tests.integration.task.sales import CANARY, HASH, field_of

LARGE = CANARY + secrets.token_hex(20_000)


def objects(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def the_object(root: Path) -> Path:
    (found,) = objects(root)
    return found


def edit_envelope(raw: redis.Redis, **changes: Any) -> None:
    """What whoever has Redis' password can do."""
    envelope = Envelope.unpack(field_of(raw, HASH, "-1"))
    raw.hset(HASH, "-1", dataclasses.replace(envelope, **changes).pack())
