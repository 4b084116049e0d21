"""Reading msgpack that anyone may have written.

ormsgpack is fast, but it ignores bytes after the message, and ormsgpack 1.12.2 (the last for Python 3.10) crashed on a
message that was not whole. So msgspec, which Airflow's Task SDK is built on, walks each message first. It makes no
objects and takes about 2 ms per MB.
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
    import msgspec  # not at import: pushing needs it not

    return msgspec.msgpack.Decoder(type=msgspec.Raw).decode


def read(data: Buffer, hook: Callable[[int, bytes], Any] | None = None) -> Any:
    """One msgpack message and nothing after it; `hook` makes a value of each extension type.

    Keys may be of any type that msgpack has; an array as a key is a tuple.

    Raises:
        Exception: Any, for what is not such a message.
    """
    _walk()(data)
    return ormsgpack.unpackb(data, ext_hook=hook, option=ormsgpack.OPT_NON_STR_KEYS)
