"""NumPy scalars and arrays: dtype, shape, memory order and the raw items. Object arrays are carried item by item.

Large arrays are not copied: a push sends them from their own memory, and a pull returns views of the payload's memory.
A dtype from a payload is built from checked parts, never from an arbitrary string. Its size is compared with the bytes
at hand before NumPy allocates memory.
"""

from __future__ import annotations

import math
import re
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import ormsgpack

from exclusive_redis_xcom.codec.allowlist import package
from exclusive_redis_xcom.codec.kinds import NotCarriedError
from exclusive_redis_xcom.codec.msgpack_reader import read

if TYPE_CHECKING:
    from exclusive_redis_xcom.codec.slabs import Put, Take

_SIMPLE_DTYPE = re.compile(r"[<>|=][biufcmMSUV]\d{1,10}(\[\d{0,9}[a-zA-Zμ]{1,7}\])?")

_ATOMS = frozenset({type(None), bool, int, float, str})


def describe_dtype(dtype: Any) -> Any:
    """Describe a dtype as text, as {names, formats, offsets, ...} or as [base, shape]."""
    if dtype.hasobject or dtype.kind not in "biufcmMSUV":
        raise NotCarriedError
    if dtype.names is None and dtype.type.__module__ != "numpy":
        # NumPy itself calls such a dtype raw bytes, so the items would come back as those.
        raise NotCarriedError("Its dtype belongs to another library.", "Push it as NumPy's own: astype('f4').")
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return [describe_dtype(base), list(shape)]
    if dtype.names is None:
        return dtype.str
    if dtype.type not in _classes_of_items():
        raise NotCarriedError
    fields = [dtype.fields[name] for name in dtype.names]
    described: dict[str, Any] = {
        "names": list(dtype.names),
        "formats": [describe_dtype(field[0]) for field in fields],
        "offsets": [field[1] for field in fields],
        "itemsize": dtype.itemsize,
        "aligned": dtype.isalignedstruct,
    }
    titles = [field[2] if len(field) > 2 else None for field in fields]  # (dtype, offset, title)
    if any(titles):
        described["titles"] = titles
    if dtype.type is not package("numpy").void:
        described["record"] = True
    return described


def _classes_of_items() -> tuple[type, type]:
    """Return the classes that items of a structured dtype may have. A record has its fields as attributes, too."""
    numpy = package("numpy")
    return numpy.void, numpy.record


def dtype_of(described: Any) -> Any:
    """Reverse `describe_dtype`."""
    numpy = package("numpy")
    if isinstance(described, str):
        if not _SIMPLE_DTYPE.fullmatch(described):
            raise ValueError("not a dtype")
        return numpy.dtype(described)
    if isinstance(described, list):
        base, shape = described
        return numpy.dtype((dtype_of(base), tuple(shape)))
    aligned, record = described.pop("aligned"), described.pop("record", False)
    dtype = numpy.dtype({**described, "formats": [dtype_of(f) for f in described["formats"]]}, align=bool(aligned))
    return numpy.dtype((numpy.record, dtype)) if record else dtype


def has_metadata(dtype: Any) -> bool:
    """Return whether a dtype, or one in it, has metadata: `np.dtype("f8", metadata={"unit": "m"})`."""
    if dtype.metadata:
        return True
    if dtype.subdtype is not None:
        return has_metadata(dtype.base)
    return dtype.names is not None and any(has_metadata(dtype.fields[name][0]) for name in dtype.names)


def _metadata(dtype: Any) -> list[Any]:
    """Return a dtype's own metadata or None, then the same of the dtypes in it."""
    own = None if dtype.metadata is None else dict(dtype.metadata)
    if dtype.subdtype is not None:
        return [own, _metadata(dtype.base)]
    return [own, *(_metadata(dtype.fields[name][0]) for name in dtype.names or ())]


def _with_metadata(dtype: Any, described: list[Any]) -> Any:
    """Reverse `_metadata`, for an equal dtype without metadata."""
    numpy = package("numpy")
    own, *parts = described
    if dtype.subdtype is not None:
        (part,) = parts
        dtype = numpy.dtype((_with_metadata(dtype.base, part), dtype.shape))
    elif dtype.names is not None:
        fields = [dtype.fields[name] for name in dtype.names]
        layout = {
            "names": list(dtype.names),
            "formats": [_with_metadata(field[0], part) for field, part in zip(fields, parts, strict=True)],
            "offsets": [field[1] for field in fields],
            "itemsize": dtype.itemsize,
        }
        titles = [field[2] if len(field) > 2 else None for field in fields]
        if any(titles):
            layout["titles"] = titles
        cls, dtype = dtype.type, numpy.dtype(layout, align=dtype.isalignedstruct)
        dtype = numpy.dtype((cls, dtype)) if cls is numpy.record else dtype
    elif parts:
        raise ValueError("metadata of no dtype")
    return dtype if own is None else numpy.dtype(dtype, align=dtype.isalignedstruct, metadata=dict(own))


def annotated_children(value: Any) -> list[Any]:
    """Return an array without the metadata of its dtype, and the metadata."""
    described = _metadata(value.dtype)
    plain = _without_metadata(value.dtype)
    return [value.view(plain), described]


def _without_metadata(dtype: Any) -> Any:
    return package("numpy").dtype("O") if dtype.kind == "O" else dtype_of(describe_dtype(dtype))


def build_annotated(children: list[Any]) -> Any:
    """Reverse `annotated_children`."""
    array, described = children
    if type(array) is not package("numpy").ndarray:
        raise TypeError("not an array")
    return array.view(_with_metadata(array.dtype, described))


def dump_array(value: Any, put: Put) -> bytes:
    """Write [dtype, shape, is in Fortran order, items]."""
    if value.dtype.itemsize == 0:
        raise NotCarriedError
    described = describe_dtype(value.dtype)
    if _has_gaps(value.dtype):
        value = _without_gaps(value)
    order = "F" if value.flags.fnc else "C"
    # ravel copies only an array that is in neither order. The view is of bytes: memoryview does not know every dtype.
    items = put(value.ravel(order).view("u1").data) if value.nbytes else b""
    return ormsgpack.packb([described, list(value.shape), order == "F", items])


def _has_gaps(dtype: Any) -> bool:
    """Return whether a structured dtype has bytes of no field: `array[["a", "c"]]` still holds the old "b"."""
    if dtype.subdtype is not None:
        return _has_gaps(dtype.base)
    if dtype.names is None:
        return False
    fields = sorted((dtype.fields[name][:2] for name in dtype.names), key=itemgetter(1))
    end = 0  # of the bytes that fields have so far; fields may overlap
    for field, offset in fields:
        if offset > end or _has_gaps(field):
            return True
        end = max(end, offset + field.itemsize)
    return bool(end != dtype.itemsize)


def _without_gaps(value: Any) -> Any:
    """Copy the items, with zeros between their fields; `zeros_like` would leave the old content of the memory."""
    clean = package("numpy").zeros(value.shape, value.dtype, order="F" if value.flags.fnc else "C")
    _copy_fields(value, clean)
    return clean


def _copy_fields(source: Any, target: Any) -> None:
    for name in source.dtype.names:
        if source.dtype[name].base.names is None:
            target[name] = source[name]
        else:
            _copy_fields(source[name], target[name])


def load_array(data: bytes, take: Take) -> Any:
    """Reverse `dump_array`. The array is writable.

    Items in a slab of a writable payload stay where they are. Other items are copied.
    """
    described, shape, fortran, placed = read(data)
    items = memoryview(take(placed))
    dtype = dtype_of(described)
    if dtype.itemsize == 0 or math.prod(shape) * dtype.itemsize != len(items) or any(n < 0 for n in shape):
        raise ValueError("size and shape differ")
    order = "F" if fortran else "C"
    array = package("numpy").ndarray(tuple(shape), dtype, buffer=items, order=order)
    return array if array.flags.writeable and array.flags.aligned else array.copy(order=order)


def dump_scalar(value: Any) -> bytes:
    """Write [dtype, bytes]. Text and bytes are written as such, because an array would cut off their trailing NULs."""
    numpy = package("numpy")
    if isinstance(value, numpy.str_):
        return ormsgpack.packb(["str", str.__str__(value).encode("utf-8", "surrogatepass")])
    if isinstance(value, numpy.bytes_):
        return ormsgpack.packb(["bytes", bytes.__getitem__(value, slice(None))])
    return ormsgpack.packb([describe_dtype(value.dtype), value.tobytes()])


def load_scalar(data: bytes) -> Any:
    """Reverse `dump_scalar`."""
    numpy = package("numpy")
    described, content = read(data)
    if described == "str":
        return numpy.str_(content.decode("utf-8", "surrogatepass"))
    if described == "bytes":
        return numpy.bytes_(content)
    dtype = dtype_of(described)
    if dtype.itemsize == 0 or dtype.itemsize != len(content):
        raise ValueError("size and dtype differ")
    return numpy.ndarray((1,), dtype, buffer=content).copy()[0]


def object_array_children(value: Any) -> list[Any]:
    """Return the shape, whether the order is Fortran's, and the items in C order."""
    fortran = bool(value.flags.f_contiguous and not value.flags.c_contiguous)
    return [list(value.shape), fortran, *value.ravel("C").tolist()]


def build_object_array(children: list[Any]) -> Any:
    """Reverse `object_array_children`."""
    numpy = package("numpy")
    shape, fortran, *items = children
    if math.prod(shape) != len(items) or any(n < 0 for n in shape):
        raise ValueError("size and shape differ")
    flat = numpy.empty(len(items), dtype=object)
    if _ATOMS.issuperset(map(type, items)):
        flat[:] = items
    else:
        for position, item in enumerate(items):  # one by one, since NumPy would read lists among them as dimensions
            flat[position] = item
    return flat.reshape(tuple(shape)).copy(order="F" if fortran else "C")


def numpy_kind(value: Any) -> str | None:
    """Return the kind that carries this NumPy object; None for masked arrays, matrices and the like."""
    numpy = package("numpy")
    if type(value) is numpy.ndarray:
        if has_metadata(value.dtype):
            return "annotated_array"
        return "object_array" if value.dtype.kind == "O" else "array"
    if not isinstance(value, numpy.generic) or type(value).__module__ != "numpy":
        return None
    return None if isinstance(value, numpy.void) and has_metadata(value.dtype) else "scalar"
