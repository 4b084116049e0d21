"""Read msgpack that anyone may have written.

ormsgpack is fast, but it ignores bytes after the message, and ormsgpack 1.12.2 crashed on a message that was not whole.
That is the last release for Python 3.10. So msgspec first walks the message without making objects, which takes about
2 ms per MB. Airflow's Task SDK is built on msgspec, so it is always there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ormsgpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.memory import Buffer


@lru_cache(maxsize=1)
def _walk() -> Callable[[Buffer], object]:
    import msgspec  # imported here, since a push does not need it

    return msgspec.msgpack.Decoder(type=msgspec.Raw).decode


def skip(data: Buffer) -> None:
    """Walk one msgpack message, with nothing after it, without making objects. What extension types hold is skipped.

    Raises:
        Exception: This is not one msgpack message.
    """
    _walk()(data)


def read(data: Buffer, hook: Callable[[int, bytes], Any] | None = None) -> Any:
    """Read one msgpack message, with nothing after it. `hook` makes a value of each extension type.

    Keys may have any type of msgpack. An array as a key becomes a tuple.

    Raises:
        Exception: This is not one msgpack message.
    """
    skip(data)
    return ormsgpack.unpackb(data, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)
