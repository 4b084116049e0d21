"""Encode text as UTF-8; ASCII text is sent from its own buffer without a copy.

On small machines, memory that a process has not used before costs about 1 ms per MB. That is as much as to send the
text. So large ASCII text is not encoded: CPython keeps it as one byte per character, and gives access to that buffer.

https://docs.python.org/3/c-api/unicode.html#c.PyUnicode_AsUTF8AndSize
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.memory import Buffer

_LARGE = 1024 * 1024  # characters


def utf8(value: str) -> Buffer:
    """Encode a text: return bytes, or a read-only view that keeps the text alive.

    Raises:
        UnicodeEncodeError: The text has lone surrogates.
    """
    # Only ASCII: for other text, CPython would keep the encoded bytes as long as the text lives.
    if len(value) >= _LARGE and value.isascii():
        return _lend()(value)
    return value.encode()


@lru_cache(maxsize=1)
def _lend() -> Callable[[str], Buffer]:
    try:
        import ctypes

        address_of: Any = ctypes.pythonapi.PyUnicode_AsUTF8AndSize
    except (ImportError, AttributeError):  # another Python than CPython
        return str.encode
    address_of.restype = ctypes.c_void_p
    address_of.argtypes = [ctypes.py_object, ctypes.c_void_p]

    def lend(value: str) -> Buffer:
        memory = (ctypes.c_char * len(value)).from_address(address_of(value, None))
        memory.owner = value  # type: ignore[attr-defined]
        return memoryview(memory).cast("B").toreadonly()

    return lend
