"""How values go from Redis whose rows were deleted over the public REST API.

Nobody works out which rows a request will delete. All rows in the request's reach are noted before Airflow deletes.
Afterwards the values go whose rows are gone. So whatever Airflow refused, skipped or rolled back stays.

A run that is made again under the same id pushes to the same hashes. A push reaches Redis before its row is there. So
the values of a task instance that runs meanwhile stay, too. Each batch asks for that anew.
"""

from __future__ import annotations

import json
import tempfile
from typing import IO, TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests import task_table, xcom_table
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exclusive_redis_xcom.store import Store

#: How many coordinates are looked up and removed at once.
BATCH = 1000
_IN_MEMORY = 1024 * 1024
#: About so many scopes, one statement asks. With more scopes, each batch asks for its own coordinates alone. If it
#: asked for all scopes, the time would grow with the square of what a bulk request names.
_FEW_SCOPES = 500
#: A scope of at most so many ids is a DAG or a run: its hashes are removed as a whole.
_WHOLE = 2


class Removal:
    """The XComs that one request may delete. It is a context manager.

    A DAG may have a million XComs, so their coordinates beyond the first MiB are kept in a temporary file. It never
    holds values. All methods block, so call them in worker threads.

    Args:
        scopes: The first ids of (dag_id, run_id, task_id, key); all scopes have the same length.
        map_index: The only map_index in reach, if that is known.
    """

    def __init__(self, scopes: Sequence[tuple[str, ...]], *, map_index: int | None = None) -> None:
        self._scopes = scopes
        self._map_index = map_index
        self._are_few = len(scopes) <= _FEW_SCOPES
        self._whole = bool(scopes) and len(scopes[0]) <= _WHOLE
        self._noted: IO[str] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - __exit__ closes it
            _IN_MEMORY, mode="w+", encoding="ascii"
        )
        self.count = 0

    def __enter__(self) -> Removal:
        return self

    def __exit__(self, *_: object) -> None:
        self._noted.close()

    def note(self) -> None:
        """Note the rows that are there now."""
        try:
            for at in xcom_table.addresses(self._scopes, whole=self._whole, map_index=self._map_index):
                line = json.dumps([at.dag_id, at.run_id, at.task_id, at.key, at.map_index])
                self._noted.write(line + "\n")
                self.count += 1
        finally:
            self._noted.seek(0)

    def batches(self) -> Iterator[list[Coordinate]]:
        """Return the noted coordinates in batches."""
        batch: list[Coordinate] = []
        for line in self._noted:
            batch.append(Coordinate(*json.loads(line)))
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def remove(self, batch: Sequence[Coordinate], store: Callable[[], Store]) -> int:
        """Remove from Redis the values of a batch whose rows are gone.

        Returns:
            How many values were removed; for a DAG or a run, how many hashes.

        Raises:
            StoreUnavailable: Redis did not answer in time.
        """
        # The order matters. A task instance that is over has all its rows, and they are looked for afterwards.
        running = self._running(batch)
        gone = [at for at in self._gone(batch) if at not in running]
        if not gone:
            return 0
        return store().free(gone) if self._whole else store().purge_many(gone)

    def _running(self, batch: Sequence[Coordinate]) -> set[Coordinate]:
        if self._are_few and not task_table.any_running(self._scopes):
            return set()
        return task_table.running(batch, whole=self._whole)

    def _gone(self, batch: Sequence[Coordinate]) -> Sequence[Coordinate]:
        # Mostly all rows are gone, and then one question saves a thousand.
        if self._are_few and not xcom_table.any_left(self._scopes, map_index=self._map_index):
            return batch
        return xcom_table.gone(batch, whole=self._whole)
