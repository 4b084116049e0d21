"""Tables of pyarrow and polars, as Arrow's IPC stream (`arrow_stream.py`).

pyarrow also writes and reads the tables of polars. polars' own reader ends the whole process if a stream is damaged,
and its own writer copies.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ormsgpack

from exclusive_redis_xcom.codec import arrow_stream
from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.arrow_types import only_its_value, require_within_bounds
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.msgpack_reader import read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exclusive_redis_xcom.codec.slabs import Put, Take


def _dump(schema: Any, batches: Iterable[Any], put: Put) -> bytes:
    return ormsgpack.packb(put(*arrow_stream.write(schema, map(_only_its_value, batches))))


def _only_its_value(batch: Any) -> Any:
    columns = [only_its_value(column) for column in batch.columns]
    for column in columns:
        require_within_bounds(column)
    return _batch(columns, batch.schema) if columns else batch  # without columns there may still be rows


def _batch(columns: list[Any], schema: Any) -> Any:
    return package("pyarrow").RecordBatch.from_arrays(columns, schema=schema)


def _load(data: bytes, take: Take) -> tuple[Any, list[Any]]:
    return arrow_stream.read(take(read(data)))


def dump_table(value: Any, put: Put) -> bytes:
    """Write the stream of a `pyarrow.Table`. Chunks become record batches."""
    return _dump(value.schema, value.to_batches(), put)


def load_table(data: bytes, take: Take) -> Any:
    """Reverse `dump_table`."""
    schema, batches = _load(data, take)
    return package("pyarrow").Table.from_batches(batches, schema)


def dump_batch(value: Any, put: Put) -> bytes:
    """Write the stream of a `pyarrow.RecordBatch`."""
    return _dump(value.schema, [value], put)


def load_batch(data: bytes, take: Take) -> Any:
    """Reverse `dump_batch`."""
    _, (batch,) = _load(data, take)
    return batch


def dump_chunks(value: Any, put: Put) -> bytes:
    """Write the stream of a `pyarrow.ChunkedArray`: one column, and a record batch for each chunk."""
    schema = _only_column(value.type)
    return _dump(schema, (_batch([chunk], schema) for chunk in value.chunks), put)


def load_chunks(data: bytes, take: Take) -> Any:
    """Reverse `dump_chunks`."""
    schema, batches = _load(data, take)
    (field,) = schema
    return package("pyarrow").chunked_array([batch.column(0) for batch in batches], type=field.type)


def dump_arrow_array(value: Any, put: Put) -> bytes:
    """Write the stream of a `pyarrow.Array`: one column, one record batch."""
    schema = _only_column(value.type)
    return _dump(schema, [_batch([value], schema)], put)


def load_arrow_array(data: bytes, take: Take) -> Any:
    """Reverse `dump_arrow_array`."""
    (_,), (batch,) = _load(data, take)
    return batch.column(0)


def _only_column(kind: Any) -> Any:
    pyarrow = package("pyarrow")
    return pyarrow.schema([pyarrow.field("", kind)])


def arrow_kind(value: Any) -> str | None:
    """Return the kind that carries this pyarrow object; None for scalars, schemas, extension arrays and the like."""
    pyarrow, cls = package("pyarrow"), type(value)
    exact = {pyarrow.Table: "table", pyarrow.RecordBatch: "batch", pyarrow.ChunkedArray: "chunks"}
    if cls in exact:
        return exact[cls]
    return "arrow_array" if isinstance(value, pyarrow.Array) and not isinstance(value, pyarrow.ExtensionArray) else None


def dump_polars_frame(value: Any, put: Put) -> bytes:
    """Write the stream of a `polars.DataFrame`.

    Raises:
        NotCarriedError: A column would come back with another type (128-bit integers, objects), or polars could not
            read it (arrays of no items).
    """
    package("pyarrow")  # If pyarrow is missing, the error names it.
    if any(dtype == package("polars").Object for dtype in value.dtypes):
        raise NotCarriedError
    if any(map(_has_no_width, value.dtypes)):
        raise NotCarriedError("It has arrays of no items, which polars writes and cannot read.")
    try:
        with _panics_as_errors():
            table = value.to_arrow()
            same = _polars_frame(table.slice(0, 0)).schema == value.schema and len(table) == value.height
    except Exception:  # polars has no common error for what it cannot export
        same = False
    if not same:
        raise NotCarriedError
    return dump_table(table, put)


def _has_no_width(dtype: Any) -> bool:
    """Return whether a type of polars is an array of no items, or holds one."""
    inner = [getattr(dtype, name, None) for name in ("inner", "key", "value")]
    inner += [field.dtype for field in getattr(dtype, "fields", ())]
    return getattr(dtype, "size", None) == 0 or any(map(_has_no_width, filter(None, inner)))


def load_polars_frame(data: bytes, take: Take) -> Any:
    """Reverse `dump_polars_frame`."""
    table = load_table(data, take)
    with _panics_as_errors():
        return _polars_frame(table)


@contextmanager
def _panics_as_errors() -> Iterator[None]:
    """Raise ValueError for an error in Rust. polars raises a BaseException of a class that cannot be imported."""
    try:
        yield
    except BaseException as problem:
        if type(problem).__name__ != "PanicException":
            raise
        raise ValueError("polars cannot read or write it") from None


def _polars_frame(table: Any) -> Any:
    names = table.column_names
    # polars would replace an empty name by a name of its own.
    frame = package("polars").from_arrow(table.rename_columns(list(map(str, range(len(names))))), rechunk=False)
    frame.columns = names
    return frame


def dump_polars_series(value: Any, put: Put) -> bytes:
    """Write a frame of one column."""
    return dump_polars_frame(value.to_frame(), put)


def load_polars_series(data: bytes, take: Take) -> Any:
    """Reverse `dump_polars_series`."""
    (series,) = load_polars_frame(data, take).get_columns()
    return series


def polars_kind(value: Any) -> str | None:
    """Return the kind that carries this polars object; None for lazy frames, expressions and subclasses."""
    polars = package("polars")
    return {polars.DataFrame: "polars_frame", polars.Series: "polars_series"}.get(type(value))
