"""Errors, for the API server's log."""

from __future__ import annotations

from exclusive_redis_xcom.errors import ExclusiveXComError


def described(error: Exception) -> str:
    """Our own errors with their texts, which hold no secrets; of others the type alone."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, ExclusiveXComError) else name
