"""Values that the doctor pushes, to see whether others could be."""

from __future__ import annotations

import secrets
from datetime import datetime, timezone

from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate


def coordinate() -> Coordinate:
    """Nobody else's: the run id is drawn anew each time."""
    return Coordinate("exclusive-xcom-doctor", f"doctor-{secrets.token_hex(8)}", "doctor", "probe")


def value(probe: Coordinate, size: int) -> Envelope:
    """A value of so many random bytes."""
    payload = secrets.token_bytes(size)
    return Envelope(
        coordinate=probe,
        version=secrets.token_hex(16),
        codec="msgpack",
        compression="off",
        decoded_size=len(payload),
        # Envelopes keep whole milliseconds or not; what is compared is what was packed.
        pushed_at=datetime.now(timezone.utc).replace(microsecond=0),
        payload=(payload,),
    )
