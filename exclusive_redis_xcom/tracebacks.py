"""Errors leave this package without the local variables of the frames that they went through.

A traceback refers to its frames, and a frame to its local variables: values, data keys, passwords. Sentry, `cgitb` and
`rich` show these variables, or send them away. `errors_without_locals` clears them where an error leaves this package.
The lines of the traceback stay. They lead from the author's own line to where the error was raised.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from opcode import opname
from typing import TYPE_CHECKING, Any, TypeVar

from exclusive_redis_xcom.errors import ExclusiveXComError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

_Function = TypeVar("_Function", bound="Callable[..., Any]")

_PACKAGE = __name__.partition(".")[0]

_CAN_BE_SUSPENDED = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


def errors_without_locals(function: _Function) -> _Function:
    """Let the errors of a function, or of a coroutine function, leave it without any local variables.

    The variables of frames below the function are cleared, those of drivers and libraries included. An error of this
    package also loses its context, because the error of a driver may quote a value. What the caller was handling stays
    the context.

    Args:
        function: It holds secrets, or calls what holds secrets. While it succeeds, the decorator costs some 0.1 µs.
    """
    guarded: _Function = _guarded(function, _is_any)
    return guarded


def errors_without_own_locals(function: _Function) -> _Function:
    """Do the same for a function that calls code of others, whose variables are not ours to clear: a middleware.

    Args:
        function: As for `errors_without_locals`.
    """
    guarded: _Function = _guarded(function, _is_own)
    return guarded


def _guarded(function: Any, is_cleared: Callable[[FrameType], bool]) -> Any:
    if function.__code__.co_flags & CO_COROUTINE:

        @functools.wraps(function)
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except BaseException as caught:
                error = caught
            del args, kwargs
            try:
                raise _without_locals(error, sys.exc_info()[1], is_cleared)
            finally:
                del error  # it refers to this frame

    else:

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except BaseException as caught:
                error = caught
            del args, kwargs
            try:
                raise _without_locals(error, sys.exc_info()[1], is_cleared)
            finally:
                del error  # it refers to this frame

    return guarded


def _without_locals(
    error: BaseException, handled: BaseException | None, is_cleared: Callable[[FrameType], bool]
) -> BaseException:
    """Clear the frames of an error, of the errors that led to it, and of the errors in a group.

    Args:
        error: The error. It is changed and returned.
        handled: The error that the caller was handling. It is the caller's own, and so are those that led to it.
        is_cleared: Which frames are cleared.
    """
    seen = {id(handled)}
    pending: list[BaseException | None] = [error]
    while pending:
        one = pending.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, ExclusiveXComError):
            one.__context__ = None
        pending += [one.__cause__, one.__context__, *_members(one)]
        one.__traceback__ = _cleared(one.__traceback__, is_cleared)
    return error


def _members(error: BaseException) -> tuple[Any, ...]:
    """Return the errors that a group holds. Python 3.10 has no groups of its own."""
    members = getattr(error, "exceptions", ())
    is_group = isinstance(members, tuple) and all(isinstance(member, BaseException) for member in members)
    return members if is_group else ()


def _cleared(traceback: TracebackType | None, is_cleared: Callable[[FrameType], bool]) -> TracebackType | None:
    """Clear the frames of a traceback, and take this module's own out of it."""
    first, last = None, None
    while traceback is not None:
        frame, following = traceback.tb_frame, traceback.tb_next
        if frame.f_code.co_filename != __file__:
            if is_cleared(frame) and not _is_suspended(frame, traceback.tb_lasti):
                with contextlib.suppress(RuntimeError):  # it is still running, or suspended in Python 3.13 and later
                    frame.clear()
            if last is None:
                first = traceback
            else:
                last.tb_next = traceback
            last = traceback
        traceback = following
    if last is not None:
        last.tb_next = None
    return first


def _is_suspended(frame: FrameType, raised_at: int) -> bool:
    """Tell whether a frame of others is that of a generator or coroutine which goes on later.

    It may have handled an error that comes here by another way. Up to Python 3.12, `clear` would close the generator.

    Args:
        frame: A frame of a traceback.
        raised_at: The instruction at which the error left the frame.
    """
    code = frame.f_code
    if not code.co_flags & _CAN_BE_SUSPENDED or _is_own(frame):
        return False
    last = opname[code.co_code[frame.f_lasti]]
    # In Python 3.10, `await` is one instruction. The frame of a coroutine that an error has ended stands there, too.
    return last == "YIELD_VALUE" or (last == "YIELD_FROM" and frame.f_lasti != raised_at)


def _is_any(_frame: FrameType) -> bool:
    return True


def _is_own(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE
