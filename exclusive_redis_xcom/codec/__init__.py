"""Turn values into bytes and back, equal in value and type, without pickle."""

from __future__ import annotations

from exclusive_redis_xcom.codec.allowlist import load_class
from exclusive_redis_xcom.codec.codec import Encoded, decode, decode_each, encode
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.plugs import register
from exclusive_redis_xcom.errors import XComNotImportable

__all__ = [
    "Encoded",
    "NotCarriedError",
    "XComNotImportable",
    "decode",
    "decode_each",
    "encode",
    "load_class",
    "register",
]
