"""How the API server's log names an error."""

from __future__ import annotations

from exclusive_redis_xcom.errors import ExclusiveXComError


def described(error: Exception) -> str:
    """Return the text of our own errors, which holds no secrets; of other errors return the type alone."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, ExclusiveXComError) else name
