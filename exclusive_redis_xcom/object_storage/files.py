"""Objects as files of a local file system, for their owner alone. A file is never a link; a directory may be one."""

from __future__ import annotations

import contextlib
import os
import random
import stat
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.memory import Buffer

_FOR_OWNER, _DIRECTORY_FOR_OWNER = 0o600, 0o700
#: Whoever removes the last file of a directory removes the directory too. That may happen just before a file is
#: created.
_ATTEMPTS = 20
_LONGEST_PAUSE = 0.01
_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC


def write(root: str, name: str, pieces: Iterable[Buffer]) -> None:
    """Write a new file below `root`, and make the directories that it needs."""
    with open(_created(root, name), "wb") as file:
        for piece in pieces:
            file.write(piece)


def size(path: str) -> int:
    """Return the size of a file in bytes.

    Raises:
        FileNotFoundError: There is no such file, or it is no regular file.
    """
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError
    return found.st_size


def read(path: str, into: memoryview, start: int) -> int:
    """Read from `start` on until `into` is full or the file ends. Return the number of bytes."""
    done = 0
    with open(os.open(path, os.O_RDONLY | _NO_LINK), "rb", buffering=0) as file:
        file.seek(start)
        while done < len(into):
            count = file.readinto(into[done:])
            if not count:
                break
            done += count
    return done


def remove(root: str, name: str) -> None:
    """Remove a file, and the directories below `root` that are empty then."""
    os.unlink(f"{root}/{name}")
    with contextlib.suppress(OSError):  # a directory is not empty, or is gone
        for directory in reversed(_directories(name)):
            os.rmdir(f"{root}/{directory}")


def _created(root: str, name: str) -> int:
    """Create a file that does not exist yet, and return its descriptor."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
    os.makedirs(root, mode=_DIRECTORY_FOR_OWNER, exist_ok=True)
    for left in reversed(range(_ATTEMPTS)):
        try:
            for directory in _directories(name):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(f"{root}/{directory}", mode=_DIRECTORY_FOR_OWNER)
            return os.open(f"{root}/{name}", flags, mode=_FOR_OWNER)
        except FileNotFoundError:
            if not left:
                raise
            time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - no secret
    raise AssertionError  # the last attempt returned or raised


def _directories(name: str) -> list[str]:
    """Return the directories of a name, outermost first."""
    parts = name.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]
