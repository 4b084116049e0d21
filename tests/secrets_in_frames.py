"""Find secrets in what a tracer would send away of an error: the local variables of the frames of its traceback."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

PACKAGE = "exclusive_redis_xcom"

_MOST_OBJECTS = 100_000
_SKIPPED = (type, types.ModuleType, types.FrameType, types.TracebackType)


def secrets_in_frames(error: BaseException, *secrets: str | bytes, ours_alone: bool = False) -> list[str]:
    """Return the places in which a secret lies, as `file:line function: variable`.

    All frames are searched from the first one of this package on, so those of drivers, too. The errors that led to this
    one are searched, whether Python would show them or not.

    Args:
        error: What left the package.
        secrets: Texts and bytes. Each is looked for as text and as bytes.
        ours_alone: Leave out the frames of others, as those of an application below a middleware.
    """
    wanted = tuple(secret.encode() if isinstance(secret, str) else secret for secret in secrets)
    assert all(len(secret) >= 8 for secret in wanted), "a shorter secret would be found by chance"
    return [
        f"{frame.f_code.co_filename.rpartition('/')[2]}:{line} {frame.f_code.co_name}: {name}"
        for frame, line in _frames(error)
        if not ours_alone or _is_ours(frame)
        for name, value in dict(frame.f_locals).items()
        if _holds(value, wanted)
    ]


def frames_of(error: BaseException) -> list[str]:
    """Return the functions of an error's own traceback, from the outermost."""
    names, traceback = [], error.__traceback__
    while traceback is not None:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    return names


def _frames(error: BaseException) -> Iterator[tuple[types.FrameType, int]]:
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        pending += [one.__cause__, one.__context__]
        traceback, inside = one.__traceback__, False
        while traceback is not None:
            inside = inside or _is_ours(traceback.tb_frame)
            if inside:
                yield traceback.tb_frame, traceback.tb_lineno
            traceback = traceback.tb_next


def _is_ours(frame: types.FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == PACKAGE


def _holds(value: Any, secrets: tuple[bytes, ...]) -> bool:
    """Tell whether a value, or anything that it refers to, has one of the secrets in it."""
    pending, seen = [value], dict[int, Any]()
    while pending and len(seen) < _MOST_OBJECTS:
        one = pending.pop()
        if id(one) in seen or isinstance(one, _SKIPPED):
            continue
        seen[id(one)] = one  # held, so that no other object gets its id
        if any(secret in text for text in _texts(one) for secret in secrets):
            return True
        pending.extend(_parts(one))
    return False


def _texts(one: Any) -> Iterator[bytes]:
    if isinstance(one, str):
        yield one.encode("utf-8", "surrogatepass")
    elif isinstance(one, (bytes, bytearray)):
        yield bytes(one)
    elif isinstance(one, memoryview):
        try:
            yield one.tobytes()
        except ValueError:  # it was released
            return
    else:
        if hasattr(one, "private_bytes_raw"):
            yield one.private_bytes_raw()
        try:
            yield repr(one).encode("utf-8", "surrogatepass")
        except Exception:  # a half-made object
            return


def _parts(one: Any) -> Iterable[Any]:
    if isinstance(one, Mapping):
        return [*one.keys(), *one.values()]
    if isinstance(one, (list, tuple, set, frozenset)):
        return list(one)
    if isinstance(one, types.FunctionType):
        return [cell.cell_contents for cell in one.__closure__ or () if _is_filled(cell)]
    if isinstance(one, types.MethodType):
        return [one.__self__]
    slots = [name for cls in type(one).__mro__ for name in _slots(cls)]
    return [*getattr(one, "__dict__", {}).values(), *(getattr(one, name) for name in slots if _has(one, name))]


def _slots(cls: type) -> list[str]:
    slots = cls.__dict__.get("__slots__", ())
    return [slots] if isinstance(slots, str) else [name for name in slots if isinstance(name, str)]


def _has(one: Any, name: str) -> bool:
    try:
        getattr(one, name)
    except Exception:
        return False
    return True


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return False
    return True
