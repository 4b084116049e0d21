"""Arrow's IPC stream: written from the memory of the arrays, read where it lies; nothing is copied either way.

https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc

The stream may come from anyone. Before Arrow's reader sees it, compressed bodies are refused (nothing bounds what they
expand to), and so are extension types (they run code of whoever registered them) and dictionaries in instalments.
What was read is validated in full before it is handed out: offsets, indexes and UTF-8, 0.2 to 0.4 ms per MB. The plain
reader followed by this validation is also what Arrow itself fuzzes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.arrow_types import require_known

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.memory import Buffer

_EXTENSION = b"ARROW:extension:name"
_SMALL = 4096  # bytes; what is smaller is joined with its neighbours
_ALIGNMENT = 8  # bytes, of Arrow's buffers

_U16, _I32, _U32 = struct.Struct("<H"), struct.Struct("<i"), struct.Struct("<I")
# Numbers of fields in the tables of Arrow's Message.fbs.
_HEADER = 2
_COMPRESSION = 3  # of RecordBatch
_DATA, _IS_DELTA = 1, 2  # of DictionaryBatch


class _Pieces:
    """A file for Arrow's writer that keeps what is written as it comes, without joining it."""

    closed = False

    def __init__(self) -> None:
        self.pieces: list[Buffer] = []
        self._small: list[Buffer] = []

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        if len(view) < _SMALL:
            self._small.append(view)
        else:
            self.flush()
            self.pieces.append(view)
        return len(view)

    def flush(self) -> None:
        if self._small:
            self.pieces.append(b"".join(self._small))
            self._small.clear()

    def close(self) -> None:
        self.flush()
        self.closed = True


def write(schema: Any, batches: Iterable[Any]) -> list[Buffer]:
    """The stream of some record batches, in pieces that refer to their memory.

    Raises:
        NotCarriedError: A type in the schema is not carried.
    """
    require_known(schema)
    sink = _Pieces()
    with package("pyarrow").ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    sink.close()
    return sink.pieces


def read(stream: Buffer) -> tuple[Any, list[Any]]:
    """The inverse of `write`: schema and record batches; any Exception for what `write` did not write."""
    pyarrow = package("pyarrow")
    buffer = pyarrow.py_buffer(stream)
    if buffer.address % _ALIGNMENT:
        buffer = pyarrow.py_buffer(bytes(stream))
    try:
        _require_plain_messages(buffer)
        reader = pyarrow.ipc.open_stream(buffer, options=pyarrow.ipc.IpcReadOptions(use_threads=False))
        require_known(reader.schema)
        batches = list(reader)
        for batch in batches:
            batch.validate(full=True)
    except pyarrow.ArrowMemoryError:  # also a MemoryError, but nothing here needs memory
        raise ValueError("sizes that cannot be") from None
    return reader.schema, batches


def _require_plain_messages(stream: Any) -> None:
    messages = package("pyarrow").ipc.MessageReader.open_stream(stream)
    checks = {"dictionary": _is_plain_dictionary, "record batch": _is_plain_batch}
    schema = messages.read_next_message()
    if schema.type != "schema" or _EXTENSION in memoryview(schema.metadata).tobytes():
        raise ValueError("not a schema without extension types")
    for message in messages:
        metadata = memoryview(message.metadata).cast("B")
        header = _field(metadata, _table(metadata, 0), _HEADER)
        if not header or not checks[message.type](metadata, _table(metadata, header)):
            raise ValueError("not a plain message")


def _is_plain_batch(metadata: memoryview, batch: int) -> bool:
    return not _field(metadata, batch, _COMPRESSION)


def _is_plain_dictionary(metadata: memoryview, dictionary: int) -> bool:
    data, is_delta = _field(metadata, dictionary, _DATA), _field(metadata, dictionary, _IS_DELTA)
    return bool(data and _is_plain_batch(metadata, _table(metadata, data)) and not (is_delta and metadata[is_delta]))


# A flatbuffer, which Arrow has verified when it gives out a message: a table begins with the distance back to its
# vtable, which has its own size, the table's size, and for each field where in the table it is, 0 where it is not.


def _table(data: memoryview, reference: int) -> int:
    return int(reference + _U32.unpack_from(data, reference)[0])


def _field(data: memoryview, table: int, number: int) -> int:
    """Where a field is; 0 where the table has it not."""
    vtable = table - _I32.unpack_from(data, table)[0]
    entry = 4 + 2 * number
    offset = _U16.unpack_from(data, vtable + entry)[0] if entry < _U16.unpack_from(data, vtable)[0] else 0
    return table + offset if offset else 0
