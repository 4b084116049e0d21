"""Write, read, remove and list objects below one URL."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.errors import ExclusiveXComError, StoreUnavailable
from exclusive_redis_xcom.memory import pieces
from exclusive_redis_xcom.object_storage import files
from exclusive_redis_xcom.object_storage.reaching import endpoint_of, reach, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exclusive_redis_xcom.memory import Buffers

#: How much one write or one read request takes. Several requests run at the same time where the driver can do that.
_PIECE_BYTES = 8 * 1024 * 1024
_READS_AT_ONCE = 4
#: The names that drivers give to the time at which an object was written. Numbers are seconds since 1970.
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")


class NoSuchObject(Exception):  # noqa: N818 - says what is
    """There is no object with that name."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One object: its name relative to `spill_path`, its size in bytes, and when it was written (None if unknown)."""

    name: str
    size: int
    written_at: datetime | None


class ObjectStorage:
    """Objects below one URL. On a local file system they are files for their owner alone (0600; directories 0700).

    Every method raises StoreUnavailable if the object storage cannot be reached or refuses, and ConfigurationError if
    no installed package knows it. Drivers have retries and timeouts of their own.

    Args:
        url: The setting `spill_path`, `s3://conn_id@bucket/prefix` for one.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def __repr__(self) -> str:
        return f"<ObjectStorage {self.endpoint}>"

    @property
    def endpoint(self) -> str:
        """Where this storage is, for an error message."""
        return endpoint_of(self._url)

    def write(self, name: str, buffers: Buffers) -> None:
        """Write an object, piece by piece. Nothing refers to the remains of an unfinished one."""
        with self._understood("Writing to", writing=True):
            to_write = pieces(buffers, _PIECE_BYTES)
            if self._is_local:
                files.write(self._root, name, to_write)
            else:
                self._write_object(self._path(name), to_write)

    def size(self, name: str) -> int:
        """Return the size of an object in bytes.

        Raises:
            NoSuchObject: There is no such object.
        """
        with self._understood("Reading from"):
            path = self._path(name)
            return files.size(path) if self._is_local else int(self._fs.info(path)["size"])

    def read(self, name: str, into: memoryview, *, start: int = 0) -> int:
        """Read an object's bytes from `start` on, as many as `into` takes.

        Returns:
            The number of bytes. If it is smaller than `into`, the object has no more.

        Raises:
            NoSuchObject: There is no such object.
        """
        with self._understood("Reading from"):
            read = files.read if self._is_local else self._read_object
            return read(self._path(name), into, start)

    def remove(self, name: str) -> None:
        """Remove an object.

        Raises:
            NoSuchObject: There is no such object. Not every object storage tells.
        """
        with self._understood("Removing from"):
            if self._is_local:
                files.remove(self._root, name)
            else:
                self._fs.rm_file(self._path(name))

    def listing(self) -> Iterator[Listed]:
        """Yield all objects, in no order. One request returns those of one DAG run, so no more are in memory at a time.

        Objects above the directories of runs are listed too; this package did not write them.
        """
        with self._understood("Listing"):
            root = self._root
        for dag in self._children(root):
            for run in self._children(dag["name"]) if _is_directory(dag) else (dag,):
                for info in self._below(run["name"]) if _is_directory(run) else (run,):
                    if info.get("type") == "file":  # Some drivers list links and directories too.
                        yield Listed(self._relative(info["name"]), int(info.get("size") or 0), _written_at(info))

    def _children(self, path: str) -> list[dict[str, Any]]:
        with self._understood("Listing"):
            try:
                infos = self._fs.ls(path, detail=True)
            except FileNotFoundError:  # Nothing was ever written, or it has just been removed.
                return []
            finally:
                self._fs.invalidate_cache()  # The driver's cache would grow with the listing.
            return [info for info in infos if info["name"].rstrip("/") != path.rstrip("/")]

    def _below(self, path: str) -> list[dict[str, Any]]:
        with self._understood("Listing"):
            try:
                infos = self._fs.find(path, detail=True)
            except FileNotFoundError:
                return []
            finally:
                self._fs.invalidate_cache()
            return list(infos.values())

    def _write_object(self, path: str, to_write: Iterator[Any]) -> None:
        file = self._opened_to_write(path)
        try:
            for piece in to_write:
                file.write(piece)
            file.close()
        except BaseException as error:
            _abandon(file, tell=isinstance(error, Exception))
            raise

    def _opened_to_write(self, path: str) -> Any:
        # Object stores have no directories. A request to make one there would ask for the bucket, or create it.
        try:
            return self._fs.open(path, "wb", block_size=_PIECE_BYTES)
        except FileNotFoundError:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            return self._fs.open(path, "wb", block_size=_PIECE_BYTES)

    def _read_object(self, path: str, into: memoryview, start: int) -> int:
        step = _READS_AT_ONCE * _PIECE_BYTES
        for first in range(0, len(into), step):
            places = range(first, min(first + step, len(into)), _PIECE_BYTES)
            sizes = [min(_PIECE_BYTES, len(into) - place) for place in places]
            starts = [start + place for place in places]
            ends = [begin + size for begin, size in zip(starts, sizes, strict=True)]
            found = self._fs.cat_ranges([path] * len(places), starts, ends, on_error="raise")
            for place, size, data in zip(places, sizes, found, strict=True):
                if isinstance(data, Exception):
                    raise data
                if len(data) != size:
                    return place
                into[place : place + size] = data
        return len(into)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _relative(self, path: str) -> str:
        return path.removeprefix(f"{self._root}/")

    @cached_property
    def _is_local(self) -> bool:
        from fsspec.implementations.local import LocalFileSystem

        return isinstance(self._fs, LocalFileSystem)

    @property
    def _fs(self) -> Any:
        return self._reached[0]

    @property
    def _root(self) -> str:
        return self._reached[1]

    @cached_property
    def _reached(self) -> tuple[Any, str]:
        return reach(self._url)

    @contextlib.contextmanager
    def _understood(self, what: str, *, writing: bool = False) -> Iterator[None]:
        """Replace errors of any driver by ours. Their texts are dropped: they may quote addresses with credentials."""
        try:
            yield
        except ExclusiveXComError:
            raise
        except Exception as error:
            if isinstance(error, FileNotFoundError) and not writing:
                raise NoSuchObject from None
            raise StoreUnavailable(
                f"{what} object storage failed: {reason_of(error)}.\n"
                f"The object storage is {self.endpoint}, as [exclusive_redis_xcom] spill_path says.\n"
                "Check spill_path, the Airflow connection that it names, and the rights of that connection. "
                "The task's retry is safe."
            ) from None


def _abandon(file: Any, *, tell: bool) -> None:
    """Leave an upload unfinished. To close the file, as its destructor does, would complete the upload."""
    if tell:  # This sends a request. A process that is being stopped has no time for it.
        with contextlib.suppress(Exception):
            file.discard()
    with contextlib.suppress(Exception):
        file.closed = True


def _is_directory(info: dict[str, Any]) -> bool:
    return info.get("type") == "directory"


def _written_at(info: dict[str, Any]) -> datetime | None:
    for name in _TIMES:
        time = info.get(name)
        if isinstance(time, str):
            with contextlib.suppress(ValueError):
                time = datetime.fromisoformat(time.replace("Z", "+00:00"))
        if isinstance(time, int | float):
            return datetime.fromtimestamp(time, timezone.utc)
        if isinstance(time, datetime):
            return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
    return None
