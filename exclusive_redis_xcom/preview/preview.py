"""`preview`: from a payload to what is shown of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.codec.compression import decompress
from exclusive_redis_xcom.errors import CorruptValue
from exclusive_redis_xcom.preview import literals, safe_text, shapes, tables
from exclusive_redis_xcom.preview.parts import Leaf, Part, Plain, read
from exclusive_redis_xcom.preview.structure import (
    MOST_BYTES,
    MOST_SHOWN_BYTES,
    MOST_TEXT,
    NotShownError,
    Preview,
    hidden,
)
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Callable

    from exclusive_redis_xcom.memory import Buffer

TOO_LARGE: Final = (
    f"The value is larger than {MOST_BYTES // 1024**2} MiB before compression. Larger values are not shown."
)
_DAMAGED: Final = (
    "The bytes are not what this package writes: they are damaged, or somebody else wrote them. Nothing is shown."
)
_UNKNOWN: Final = "The value is encoded in a way that this version does not know."
#: Zstandard makes data that it cannot compress larger, by less than this.
_MOST_OVERHEAD: Final = 64 * 1024
_BYTES_IN_A_LINE: Final = 32


@errors_without_locals
def preview(codec: str, compression: str, decoded_size: int, payload: Buffer) -> Preview:
    """Return what a person may see of a value. Anyone may have written all arguments.

    Args:
        codec: How the value was encoded, as its envelope says.
        compression: How the payload was compressed, as its envelope says.
        decoded_size: Bytes before compression, as its envelope says.
        payload: The payload, decrypted.

    Returns:
        What is shown. A value that cannot be shown has the kind "hidden" and a reason. Nothing is raised.
    """
    try:
        return _preview(codec, compression, decoded_size, payload)
    except NotShownError as problem:
        return hidden(problem.reason)
    except Exception:  # of any type, since anyone may have written the bytes; its text may quote them
        return hidden(_DAMAGED)


def _preview(codec: str, compression: str, decoded_size: int, payload: Buffer) -> Preview:
    show = CODECS.get(codec)
    if show is None:
        return hidden(_UNKNOWN)
    if decoded_size > MOST_BYTES or memoryview(payload).nbytes > MOST_BYTES + _MOST_OVERHEAD:
        return hidden(TOO_LARGE)
    try:
        data = decompress(payload, compression, decoded_size, MOST_BYTES)
    except CorruptValue:
        return hidden(_DAMAGED)
    return show(data, codec)


def _of_bytes(data: Buffer, type_name: str) -> Preview:
    first = bytes(data[:MOST_SHOWN_BYTES])
    starts = range(0, len(first), _BYTES_IN_A_LINE)
    return Preview(
        "bytes",
        type_name,
        safe_text.counted(len(data), "byte"),
        text="\n".join(first[start : start + _BYTES_IN_A_LINE].hex(" ") for start in starts),
        truncated=len(data) > len(first),
    )


def _of_text(text: str) -> Preview:
    shown, truncated = safe_text.lines(text, MOST_TEXT)
    return Preview("text", "str", safe_text.counted(len(text), "character"), shown, truncated=truncated)


def _of_message(data: Buffer, codec: str) -> Preview:
    return _of_part(read(data, codec))


def _of_part(part: Part) -> Preview:
    if shapes.is_table(part) and not isinstance(part, Plain):
        return tables.preview_of(part)
    if isinstance(part, Leaf) and part.code in (22, 25):
        return _of_bytes(literals.buffer_of(part), literals.type_of(part))
    if isinstance(part, Leaf) and part.code == 21:
        return _of_text(str(part.data, "utf-8", "surrogatepass"))
    writer = literals.Writer()
    text, cut = safe_text.lines(writer.text(part), MOST_TEXT)
    return Preview("data", literals.type_of(part), literals.summary_of(part), text, truncated=writer.truncated or cut)


#: By codec (`codec/codec.py`): how its decompressed bytes are shown.
CODECS: Final[dict[str, Callable[[Buffer, str], Preview]]] = {
    "bytes": _of_bytes,
    "str": lambda data, _: _of_text(str(data, "utf-8")),
    "msgpack": _of_message,
    "flat": _of_message,
    "slabs": _of_message,
}
