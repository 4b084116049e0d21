"""Unix users that exist only as numbers, as systemd's DynamicUser has them. Nothing is left of them."""

from __future__ import annotations

import os
import pwd
import random
from typing import TYPE_CHECKING

import psutil

from devtools.processes import User

if TYPE_CHECKING:
    from pathlib import Path

#: systemd takes its dynamic users from here, so no packaged user has such a number.
_RANGE = range(61_184, 65_520)


def unused_users(number: int) -> list[User]:
    """Return users whose numbers no account and no running process has. All share one more group."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    for process in psutil.process_iter(["uids"]):
        taken |= set(process.info["uids"] or ())
    shared, *ids = random.sample([uid for uid in _RANGE if uid not in taken], k=number + 1)
    return [User(uid, uid, (shared,)) for uid in ids]


def named_user(name: str) -> User:
    """Return a user that has an account."""
    entry = pwd.getpwnam(name)
    return User(entry.pw_uid, entry.pw_gid, ())


def folder_of(user: User, path: Path, mode: int = 0o700) -> Path:
    """Make a folder that belongs to a user; return its path."""
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, user.uid, user.gid)
    path.chmod(mode)
    return path
