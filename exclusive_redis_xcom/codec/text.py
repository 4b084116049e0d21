"""Text as UTF-8: where it is ASCII, its own memory is.

Memory that a process has not used before costs about 1 ms per MB on small machines, as much as sending it. So large
ASCII text is not encoded but lent: CPython keeps it as one byte per character, and
https://docs.python.org/3/c-api/unicode.html#c.PyUnicode_AsUTF8AndSize gives out that very buffer.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.memory import Buffer

_LARGE = 1024 * 1024  # characters


def utf8(value: str) -> Buffer:
    """The encoded text: bytes, or a read-only view that keeps the text alive.

    Raises:
        UnicodeEncodeError: It has lone surrogates.
    """
    # The view of any other text would be cached in the text, as long as it lives.
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
