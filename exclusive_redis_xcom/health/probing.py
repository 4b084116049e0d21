"""Make values that the doctor pushes, to see whether tasks could push theirs."""

from __future__ import annotations

import secrets
from datetime import datetime, timezone

from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate


def coordinate() -> Coordinate:
    """Make a coordinate that nobody else has: its run id is drawn anew each time."""
    return Coordinate("exclusive-xcom-doctor", f"doctor-{secrets.token_hex(8)}", "doctor", "probe")


def value(probe: Coordinate, size: int) -> Envelope:
    """Make a value of `size` random bytes."""
    payload = secrets.token_bytes(size)
    return Envelope(
        coordinate=probe,
        version=secrets.token_hex(16),
        codec="msgpack",
        compression="off",
        decoded_size=len(payload),
        # Whole seconds survive packing unchanged, so the value compares equal after the round trip.
        pushed_at=datetime.now(timezone.utc).replace(microsecond=0),
        payload=(payload,),
    )
