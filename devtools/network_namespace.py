"""A network of its own for one thread: a loopback device, and an address that does not count as this machine's."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_T = TypeVar("_T")

#: An address of the thread's own loopback device. Nobody outside the thread's network can reach it.
FOREIGN_ADDRESS = "10.77.0.1"

_CLONE_NEWNET = 0x40000000
_SIOCSIFADDR, _SIOCGIFFLAGS, _SIOCSIFFLAGS = 0x8916, 0x8913, 0x8914
_IFF_UP = 0x1


class NoNamespaceError(RuntimeError):
    """This process may not make a network namespace: it is not root, or its kernel or container forbids it."""


@contextlib.contextmanager
def own_network() -> Iterator[Callable[[Callable[[], _T]], _T]]:
    """Yield a function that runs functions in a thread with a network of its own. Programs started there share it.

    Raises:
        NoNamespaceError: This process may not do that.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(_leave).result()
        yield lambda work: thread.submit(work).result()


def _leave() -> None:
    """Give this thread a network of its own."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        msg = f"no network namespace here: {os.strerror(ctypes.get_errno())}"
        raise NoNamespaceError(msg)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        _up(line, "lo")
        _address(line, "lo:1", FOREIGN_ADDRESS)


def _up(line: socket.socket, name: str) -> None:
    request = struct.pack("16sH14x", name.encode(), 0)
    (flags,) = struct.unpack_from("H", fcntl.ioctl(line, _SIOCGIFFLAGS, request), 16)
    fcntl.ioctl(line, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), flags | _IFF_UP))


def _address(line: socket.socket, name: str, address: str) -> None:
    request = struct.pack("16sHH4s8x", name.encode(), socket.AF_INET, 0, socket.inet_aton(address))
    fcntl.ioctl(line, _SIOCSIFADDR, request)
