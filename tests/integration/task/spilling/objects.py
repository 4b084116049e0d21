"""A value large enough to be spilled, and helpers that look at the objects."""

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
    """Change an envelope as somebody with the password of Redis can."""
    envelope = Envelope.unpack(field_of(raw, HASH, "-1"))
    raw.hset(HASH, "-1", dataclasses.replace(envelope, **changes).pack())
