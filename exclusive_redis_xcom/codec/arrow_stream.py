"""Arrow's IPC stream, written from the memory of the arrays and read in place. Nothing is copied either way.

https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc

Anyone may have written the stream. Three things are refused before Arrow's reader sees them:

- compressed bodies: nothing bounds their expanded size
- extension types: they run code of whoever registered them
- dictionaries in instalments

Views of texts that overlap are refused, too. Then everything that was read is validated in full: offsets, indexes and
UTF-8, in 0.2 to 0.4 ms per MB. Arrow's own fuzzing also tests the plain reader followed by this validation.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.arrow_types import is_text_view, require_known

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.memory import Buffer

_EXTENSION = b"ARROW:extension:name"
_SMALL = 4096  # bytes; smaller pieces are joined with their neighbours
_ALIGNMENT = 8  # bytes, of Arrow's buffers
_NUMBERS_OF_VIEW = 4  # a view has 16 bytes, and begins with its length as an int32

_U16, _I32, _U32 = struct.Struct("<H"), struct.Struct("<i"), struct.Struct("<I")
# The numbers of fields in the tables of Arrow's Message.fbs.
_HEADER = 2
_COMPRESSION = 3  # of RecordBatch
_DATA, _IS_DELTA = 1, 2  # of DictionaryBatch


class _Pieces:
    """A file for Arrow's writer that keeps the written pieces, without joining them."""

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
    """Write the stream of some record batches, in pieces that refer to the batches' memory.

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
    """Read schema and record batches. Raises any Exception for a stream that `write` did not write."""
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
            batch.validate()
            _require_views_apart(batch)
            batch.validate(full=True)
    except pyarrow.ArrowMemoryError:  # It is a MemoryError too, but nothing here needs memory.
        raise ValueError("sizes that cannot be") from None
    return reader.schema, batches


def _require_views_apart(batch: Any) -> None:
    """Raise ValueError if views of texts overlap. Validation reads the text of each view, so its time had no bound."""
    pyarrow = package("pyarrow")
    for column in batch.columns:
        if not is_text_view(column.type) or not len(column):
            continue
        compute = package("pyarrow.compute")
        validity, views, *_ = column.buffers()
        numbers = pyarrow.Array.from_buffers(
            pyarrow.int32(), _NUMBERS_OF_VIEW * (column.offset + len(column)), [None, views]
        )
        in_fours = pyarrow.list_(pyarrow.int32(), _NUMBERS_OF_VIEW)
        lengths = compute.list_element(
            pyarrow.Array.from_buffers(in_fours, len(column), [validity], offset=column.offset, children=[numbers]), 0
        )
        shortest, total = compute.min(lengths).as_py() or 0, compute.sum(lengths).as_py() or 0
        if shortest < 0 or total > column.get_total_buffer_size():
            raise ValueError("views that overlap")


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


# Messages are flatbuffers; Arrow has verified each message that it returns. A table begins with the distance back to
# its vtable. The vtable holds its own size, the table's size, and the position of each field in the table, or 0.


def _table(data: memoryview, reference: int) -> int:
    return int(reference + _U32.unpack_from(data, reference)[0])


def _field(data: memoryview, table: int, number: int) -> int:
    """Return the position of a field; 0 where the table does not have the field."""
    vtable = table - _I32.unpack_from(data, table)[0]
    entry = 4 + 2 * number
    offset = _U16.unpack_from(data, vtable + entry)[0] if entry < _U16.unpack_from(data, vtable)[0] else 0
    return table + offset if offset else 0
