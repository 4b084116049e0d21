"""Removing from Redis what was deleted over the public REST API.

Which rows a request will delete is not worked out: the rows in its reach are noted before, and those that are gone
after are removed. So whatever Airflow refused, skipped or rolled back stays.
"""

from __future__ import annotations

import json
import tempfile
from typing import IO, TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests import xcom_table
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exclusive_redis_xcom.store import Store

#: Coordinates looked up and removed at once.
BATCH = 1000
_IN_MEMORY = 1024 * 1024
#: Scopes of a DAG or a run: their hashes go as a whole.
_WHOLE = 2


class Removal:
    """The XComs that one request may delete; a context manager.

    Their coordinates, never values, are kept in a temporary file beyond the first MiB: a DAG may have a million.
    Methods are synchronous, for worker threads.

    Args:
        scopes: All of one length, each the first ids of (dag_id, run_id, task_id, key).
        map_index: The only one in reach, if that is known.
    """

    def __init__(self, scopes: Sequence[tuple[str, ...]], *, map_index: int | None = None) -> None:
        self._scopes = scopes
        self._map_index = map_index
        self._whole = bool(scopes) and len(scopes[0]) <= _WHOLE
        self._noted: IO[str] = tempfile.SpooledTemporaryFile(_IN_MEMORY, mode="w+", encoding="ascii")  # noqa: SIM115
        # Known after the deletion: mostly all is gone, and one question saves thousands.
        self._emptied: bool | None = None
        self.count = 0

    def __enter__(self) -> Removal:
        return self

    def __exit__(self, *_: object) -> None:
        self._noted.close()

    def note(self) -> None:
        """Note what is there now."""
        try:
            for at in xcom_table.addresses(self._scopes, whole=self._whole, map_index=self._map_index):
                line = json.dumps([at.dag_id, at.run_id, at.task_id, at.key, at.map_index])
                self._noted.write(line + "\n")
                self.count += 1
        finally:
            self._noted.seek(0)

    def batches(self) -> Iterator[list[Coordinate]]:
        """What was noted, in batches."""
        batch: list[Coordinate] = []
        for line in self._noted:
            batch.append(Coordinate(*json.loads(line)))
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def remove(self, batch: Sequence[Coordinate], store: Callable[[], Store]) -> int:
        """Remove from Redis those of a batch whose rows are gone.

        Returns:
            How many values there were; of a DAG or run, how many hashes.

        Raises:
            StoreUnavailable: Redis did not answer in time.
        """
        if self._emptied is None:
            self._emptied = not xcom_table.any_left(self._scopes, map_index=self._map_index)
        gone = list(batch) if self._emptied else xcom_table.gone(batch, whole=self._whole)
        if not gone:
            return 0
        return store().discard(gone) if self._whole else store().purge_many(gone)
