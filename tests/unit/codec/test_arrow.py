"""Tables of pyarrow: the types and values that were pushed, from their own memory, and nothing that lay beside them."""

from __future__ import annotations

import decimal
import struct
from datetime import date, datetime, time, timedelta

import numpy as np
import ormsgpack
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import CorruptValue, XComNotSerializable
from exclusive_redis_xcom.memory import joined
from tests.unit.codec.support import LIMIT, raw, read, round_trip

ARRAYS = {
    "null": pa.nulls(3),
    "bool": pa.array([True, None, False]),
    "int8": pa.array([1, None], pa.int8()),
    "uint64": pa.array([2**64 - 1, 0], pa.uint64()),
    "half": pa.array(np.array([1.5, np.nan], "f2")),
    "double": pa.array([1.5, None, float("nan"), -0.0]),
    "decimal": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(20, 2)),
    "decimal256": pa.array([decimal.Decimal("1.50")], pa.decimal256(50, 2)),
    "date32": pa.array([date(2024, 1, 1), None]),
    "date64": pa.array([date(2024, 1, 1)], pa.date64()),
    "time32": pa.array([time(1, 2, 3)], pa.time32("s")),
    "time64": pa.array([time(1, 2, 3, 4), None], pa.time64("ns")),
    "timestamp": pa.array([datetime(2024, 1, 1), None], pa.timestamp("ns")),
    "timestamp-zone": pa.array([datetime(2024, 1, 1)], pa.timestamp("us", "Europe/Paris")),
    "duration": pa.array([timedelta(1), None], pa.duration("ms")),
    "interval": pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    "string": pa.array(["a", None, "ä" * 50]),
    "large-string": pa.array(["a", None, ""], pa.large_string()),
    "string-view": pa.array(["a", None, "long" * 50], pa.string_view()),
    "binary": pa.array([b"a", None]),
    "large-binary": pa.array([b"a", None], pa.large_binary()),
    "binary-view": pa.array([b"a" * 50, None], pa.binary_view()),
    "fixed": pa.array([b"abc", None], pa.binary(3)),
    "list": pa.array([[1, None], None, []]),
    "large-list": pa.array([["a"], None], pa.large_list(pa.string())),
    "fixed-list": pa.array([[1, 2], None, [None, 4]], pa.list_(pa.int64(), 2)),
    "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
    "struct-of-nothing": pa.array([{}, None], pa.struct([])),
    "map": pa.array([[("a", 1), ("b", None)], None, []], pa.map_(pa.string(), pa.int32())),
    "list-of-structs": pa.array([[{"a": [{"b": "x"}, None]}, None], None]),
    "map-of-structs": pa.array([[("k", {"a": 1}), ("l", None)]], pa.map_(pa.string(), pa.struct({"a": pa.int8()}))),
    "dictionary": pa.array(["a", "b", None, "a"]).dictionary_encode(),
    "ordered-dictionary": pa.DictionaryArray.from_arrays(pa.array([1, 0], pa.int8()), ["b", "a"], ordered=True),
    "list-of-dictionaries": pa.array([["a"], ["b"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    "empty": pa.array([], pa.string()),
    "slice": pa.array([{"a": ["x", None]}, None, {"a": []}, {"a": ["y"]}])[1:3],
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_an_array_comes_back_alone_in_chunks_in_a_batch_and_in_a_table(array):
    field = pa.field("f", array.type, metadata={"k": "v"})
    table = pa.table([array], schema=pa.schema([field], metadata={b"m": b"\xc3\xa4"}))
    chunks = pa.chunked_array([array, array[:0], array[1:]], type=array.type)

    found = round_trip({"array": array, 1: [chunks, (table, table.to_batches()[0] if len(table) else None)]})

    same = found["array"]
    assert type(same) is type(array)
    assert same.type == array.type
    assert same.equals(array) or "nan" in str(array)
    assert found[1][0].type == array.type
    assert found[1][0].num_chunks == 3
    assert found[1][0].equals(chunks) or "nan" in str(array)
    assert found[1][1][0].schema.equals(table.schema, check_metadata=True)
    assert found[1][1][0].equals(table) or "nan" in str(array)
    if len(table):
        assert type(found[1][1][1]) is pa.RecordBatch
        assert found[1][1][1].num_rows == len(array)


def test_tables_without_columns_rows_or_chunks_come_back():
    for value in (
        pa.table({}),
        pa.table({"a": pa.array([], pa.int8())}),
        pa.table({"a": pa.chunked_array([], pa.string())}),
        pa.record_batch({"a": pa.array([], pa.int8())}),
        pa.table([[1], [2]], names=["same", "same"]),
        pa.table([[1]], names=[""]),
    ):
        found = round_trip(value)
        assert type(found) is type(value)
        assert found.equals(value)
        assert found.schema == value.schema
    assert round_trip(pa.chunked_array([], pa.int8())).type == pa.int8()


def test_chunks_with_dictionaries_of_their_own_come_back():
    one, two = pa.array(["a", "b"]).dictionary_encode(), pa.array(["c"]).dictionary_encode()
    value = pa.chunked_array([one, two, one])

    assert round_trip(value).to_pylist() == ["a", "b", "c", "a", "b"]


NUMBERS = pa.array(np.arange(100_000))
TEXTS = pa.array([f"text number {n}" for n in range(10_000)])


def memory_of(array: pa.Array) -> set[int]:
    """Addresses of its buffers, but for small ones, which are sent together."""
    return {buffer.address for buffer in array.buffers() if buffer is not None and buffer.size > 4096}


@pytest.mark.parametrize("array", [NUMBERS, TEXTS], ids=["numbers", "texts"])
def test_a_table_is_sent_from_its_own_memory_and_read_where_it_arrived(array):
    encoded = encode(pa.table({"a": array}), compression="off", max_bytes=LIMIT)
    sent = {pa.py_buffer(piece).address for piece in encoded.payload}
    payload = bytearray(joined(encoded.payload))

    found = read(encoded, payload=memoryview(payload))

    assert memory_of(array) <= sent
    start = pa.py_buffer(payload).address
    assert all(start <= address < start + len(payload) for address in memory_of(found.column(0).chunk(0)))


def test_a_table_that_arrived_at_an_odd_address_comes_back():
    encoded = encode(pa.table({"a": NUMBERS}), compression="off", max_bytes=LIMIT)
    payload = memoryview(bytearray(b"x" + joined(encoded.payload)))[1:]

    assert read(encoded, payload=payload).column(0).combine_chunks().equals(NUMBERS)


SECRETS = [f"SECRET {n}" for n in range(100)]
HIDING = {
    "texts": pa.array(SECRETS),
    "large-texts": pa.array(SECRETS, pa.large_string()),
    "views": pa.array([s + " that is long" for s in SECRETS], pa.string_view()),
    "bytes": pa.array([s.encode() for s in SECRETS]),
    "fixed": pa.array([b"SECRET"] * 100, pa.binary(6)),
    "numbers": pa.array([int.from_bytes(b"SECRET\0\0", "little")] * 100),
    "structs": pa.array([{"a": s} for s in SECRETS]),
    "lists": pa.array([[s] for s in SECRETS]),
    "fixed-lists": pa.array([[s] for s in SECRETS], pa.list_(pa.string(), 1)),
    "maps": pa.array([[(s, 1)] for s in SECRETS], pa.map_(pa.string(), pa.int8())),
    "structs-in-lists": pa.array([[{"a": s}] for s in SECRETS]),
}


def with_nulls_over(array: pa.Array, shown: int) -> pa.Array:
    """All but the first few are null, by the bitmap alone: what was there stays beneath."""
    kind, count = array.type, len(array)
    bitmap = pa.py_buffer(np.packbits(np.arange(count) < shown, bitorder="little").tobytes())
    if pa.types.is_nested(kind):
        children = [array.field(n) for n in range(kind.num_fields)] if pa.types.is_struct(kind) else None
        if pa.types.is_map(kind):
            fields = [kind.key_field, kind.item_field]
            children = [pa.StructArray.from_arrays([array.keys, array.items], fields=fields)]
        buffers = [bitmap, *([array.buffers()[1]] if pa.types.is_list(kind) or pa.types.is_map(kind) else [])]
        return pa.Array.from_buffers(kind, count, buffers, children=children or [array.values])
    return pa.Array.from_buffers(kind, count, [bitmap, *array.buffers()[1:]])


def secrets_in(value: object) -> int:
    encoded = encode(value, compression="off", max_bytes=LIMIT)
    return bytes(joined(encoded.payload)).count(b"SECRET")


@pytest.mark.parametrize("array", HIDING.values(), ids=HIDING.keys())
def test_neither_what_lies_under_nulls_nor_what_was_sliced_off_is_sent(array):
    hidden = with_nulls_over(array, 5)

    assert secrets_in(array) == 100
    assert secrets_in(hidden) == 5
    assert secrets_in(pa.table({"a": hidden})) == 5
    assert secrets_in(array[10:15]) == 5
    assert secrets_in(pa.chunked_array([hidden[2:]])) == 3
    assert round_trip(hidden).to_pylist() == hidden.to_pylist()


def test_nulls_beneath_which_nothing_lies_are_sent_without_a_copy():
    array = pa.array([f"text number {n}" if n % 3 else None for n in range(10_000)])
    encoded = encode(array, compression="off", max_bytes=LIMIT)

    assert memory_of(array) <= {pa.py_buffer(piece).address for piece in encoded.payload}


def test_a_struct_set_to_null_in_a_list_does_not_send_its_fields():
    inner = with_nulls_over(HIDING["structs"], 5)
    nested = pa.ListArray.from_arrays(pa.array([0, 50, 100], pa.int32()), inner)

    assert secrets_in(nested) == 5
    assert round_trip(nested).equals(nested)


@pytest.mark.parametrize(
    "value",
    [
        pa.array([b"x" * 16], pa.uuid()) if hasattr(pa, "uuid") else pa.scalar(1),
        pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"])),
        pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]),
        pa.array([[1]], pa.list_view(pa.int8())),
        pa.array([["a"]], pa.list_(pa.string_view())),
        pa.table({"a": pa.array([[1]], pa.list_view(pa.int8()))}),
        pa.schema([pa.field("a", pa.int8())]),
        pa.scalar(1),
        pa.py_buffer(b"x"),
        pa.int8(),
        pa.table({"a": pa.array([1])}, metadata={"k": "v"}).replace_schema_metadata({"ARROW:extension:name": "x"}),
    ],
    ids=lambda v: type(v).__name__,
)
def test_what_cannot_be_carried_exactly_or_safely_is_refused(value):
    with pytest.raises(XComNotSerializable):
        encode(value, max_bytes=LIMIT)


OUT_OF_BOUNDS = {
    "time32": pa.array([24 * 3600], pa.time32("s")),  # 24:00, as DuckDB gives it
    "time64": pa.array([1, None, -1], pa.time64("us")),
    "date64": pa.Array.from_buffers(pa.date64(), 1, pa.array([1], pa.int64()).buffers()),
    "decimal": pa.Array.from_buffers(
        pa.decimal128(2, 1), 1, pa.array([decimal.Decimal("99.9")], pa.decimal128(3, 1)).buffers()
    ),
    "in a list": pa.array([[24 * 3600]], pa.list_(pa.time32("s"))),
    "in a dictionary": pa.DictionaryArray.from_arrays(
        pa.array([0], pa.int8()), pa.array([24 * 3600], pa.time32("s")), safe=False
    ),
}


@pytest.mark.parametrize("array", OUT_OF_BOUNDS.values(), ids=OUT_OF_BOUNDS.keys())
def test_what_the_pull_would_take_for_damage_is_refused_at_the_push(array):
    for value in (array, pa.table({"t": array})):
        with pytest.raises(XComNotSerializable, match=r"Arrow's own check, validate\(full=True\), fails for"):
            encode(value, max_bytes=LIMIT)


# What anyone may have written.


def stream_of(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def payload_of(stream: bytes, code: int = 70) -> bytes:
    return ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(stream)))


PLAIN = stream_of(
    pa.table({"a": [1, 2, None], "b": ["x", "yy", None], "c": pa.array(["u", "v", "u"]).dictionary_encode()})
)
CODES = [70, 71, 72, 73, 74, 75]


def refused(stream: bytes) -> None:
    for code in CODES:
        with pytest.raises(CorruptValue):
            raw(payload_of(stream, code))


def test_the_streams_below_are_forged_well():
    assert raw(payload_of(PLAIN)).num_rows == 3


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_bodies_are_refused_as_nothing_bounds_what_they_expand_to(codec):
    refused(stream_of(pa.table({"a": np.zeros(1_000_000)}), compression=codec))
    words = pa.array(["x" * 100_000, "y"]).dictionary_encode()
    refused(stream_of(pa.table({"a": words}), compression=codec))


def views(lengths: list[int], text: bytes, nulls: int | None = None) -> pa.Array:
    """Make views that all begin at the first byte of a text."""
    forged = b"".join(struct.pack("<i4sii", length, text[:4], 0, 0) for length in lengths)
    validity = None if nulls is None else pa.py_buffer(bytes([nulls]))
    return pa.Array.from_buffers(pa.string_view(), len(lengths), [validity, pa.py_buffer(forged), pa.py_buffer(text)])


def test_views_that_overlap_are_refused_as_nothing_bounds_the_time_to_check_them():
    text = b"a text of twenty-six bytes"

    refused(stream_of(pa.table({"a": views([26] * 3, text)})))
    refused(stream_of(pa.table({"a": views([*[2**31 - 1] * 3, -(2**31)], text)})))
    refused(stream_of(pa.table({"n": range(3), "a": views([26] * 3, text)})))
    assert raw(payload_of(stream_of(pa.table({"a": views([26], text)})))).num_rows == 1
    assert raw(payload_of(stream_of(pa.table({"a": views([26, 2**31 - 1], text, nulls=1)})))).num_rows == 2


class Armed(pa.ExtensionType):
    """As some package may have registered it on the worker."""

    fired = False

    def __init__(self) -> None:
        super().__init__(pa.int64(), "tests.armed")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, data: bytes) -> Armed:
        Armed.fired = True
        return Armed()


def test_extension_types_are_refused_before_their_code_runs():
    array = pa.ExtensionArray.from_storage(Armed(), pa.array([1]))
    streams = [stream_of(pa.table({"a": array}))]
    if hasattr(pa, "uuid"):
        streams.append(stream_of(pa.table({"a": pa.array([b"x" * 16], pa.uuid())})))
    pa.register_extension_type(Armed())
    try:
        for stream in streams:
            refused(stream)
    finally:
        pa.unregister_extension_type("tests.armed")

    assert not Armed.fired


def test_dictionaries_in_instalments_are_refused():
    sink = pa.BufferOutputStream()
    one = pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), ["a"])
    two = pa.DictionaryArray.from_arrays(pa.array([1], pa.int8()), ["a", "b"])
    batches = [pa.record_batch({"a": array}) for array in (one, two)]
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
    with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)

    refused(sink.getvalue().to_pybytes())


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"a": pa.RunEndEncodedArray.from_arrays(pa.array([2**31 - 1], pa.int32()), pa.array(["a"]))}),
        pa.table({"a": pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])])}),
        pa.table({"a": pa.array([[1]], pa.list_view(pa.int8()))}),
    ],
    ids=["run-end", "union", "list-view"],
)
def test_types_that_are_never_pushed_are_refused(table):
    refused(stream_of(table))


def test_offsets_indexes_and_texts_that_are_wrong_are_refused():
    whole = pa.array(["aaaa", "bbbb"])
    offsets = struct.pack("<3i", 0, 4, 8)
    stream = stream_of(pa.table({"a": whole}))
    for wrong in ((0, 4, 9), (0, 9, 8), (4, 0, 8), (-4, 4, 8), (0, 4, 2**31 - 1)):
        refused(stream.replace(offsets, struct.pack("<3i", *wrong)))
    refused(stream.replace(b"aaaabbbb", b"aaa\xffbbbb"))
    words = stream_of(pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0x11, 0x0], pa.int8()), ["a"] * 0x12)}))
    refused(words.replace(b"\x11\x00\x00\x00\x00\x00\x00\x00", b"\x7f\x00\x00\x00\x00\x00\x00\x00"))


def test_other_messages_and_no_messages_are_refused():
    tensor = pa.BufferOutputStream()
    pa.ipc.write_tensor(pa.Tensor.from_numpy(np.arange(3)), tensor)
    for stream in (b"", b"\0" * 8, PLAIN[:40], PLAIN[8:], tensor.getvalue().to_pybytes(), PLAIN[: len(PLAIN) // 2]):
        refused(stream)


@pytest.mark.parametrize(
    "content", [5, "x", None, [PLAIN], {"a": 1}, 0, -1], ids=["number", "text", "none", "list", "dict", "slab", "minus"]
)
def test_what_is_no_stream_is_refused(content):
    for code in CODES:
        with pytest.raises(CorruptValue):
            raw(ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(content))))


@pytest.mark.parametrize("code", CODES)
def test_mutated_streams_give_a_value_or_a_typed_error(code):
    @settings(max_examples=150, deadline=None, database=None)
    @given(st.lists(st.tuples(st.integers(0, len(PLAIN) - 1), st.integers(0, 255)), min_size=1, max_size=5))
    def mutate(changes):
        stream = bytearray(PLAIN)
        for where, byte in changes:
            stream[where] = byte
        try:
            raw(payload_of(bytes(stream), code), max_bytes=1_000_000)
        except CorruptValue as error:
            assert error.__cause__ is None  # noqa: PT017 - any outcome is fine but another exception

    mutate()


def test_sorting_what_was_read_works_as_its_memory_is_whole():
    value = pa.table({"a": [3, 1, None], "b": ["z", None, "a"]})

    assert pc.sort_indices(round_trip(value), sort_keys=[("b", "ascending")]).to_pylist() == [2, 0, 1]
