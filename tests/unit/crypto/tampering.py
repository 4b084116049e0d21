"""Everything through which an object or error could show a secret, and how bytes are tampered with."""

from __future__ import annotations

import base64
import os
import traceback


def forms(secret: bytes) -> set[str]:
    """How a secret may look when it is shown."""
    plain = base64.b64encode(secret).decode().rstrip("=")
    url = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    return {plain, url, secret.hex(), repr(secret)[2:-1], repr(list(secret))[1:-1]}


def shows(text: str, *secrets: bytes) -> bool:
    return any(form in text for secret in secrets for form in forms(secret))


def error_text(error: BaseException) -> str:
    """The error with its causes, contexts and the local variables of all frames but the caller's."""
    if "MUTANT_UNDER_TEST" in os.environ:
        return repr(error)  # mutmut calls each function through one of its own, whose frame holds the arguments
    assert error.__traceback__ is not None
    inner = error.with_traceback(error.__traceback__.tb_next)
    linked = "".join(repr(other) for other in (error.__cause__, error.__context__) if other is not None)
    return "".join(traceback.TracebackException.from_exception(inner, capture_locals=True).format()) + linked


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
