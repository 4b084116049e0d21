"""Turn values into bytes and back, equal in value and type, without pickle."""

from __future__ import annotations

from exclusive_redis_xcom.codec.codec import Encoded, decode, encode
from exclusive_redis_xcom.errors import XComNotImportable

__all__ = ["Encoded", "XComNotImportable", "decode", "encode"]
