"""Values to bytes and back, equal in value and type, without pickle."""

from __future__ import annotations

from exclusive_redis_xcom.codec.api import Encoded, decode, encode
from exclusive_redis_xcom.codec.errors import XComNotImportable

__all__ = ["Encoded", "XComNotImportable", "decode", "encode"]
