"""Pushes and pulls of tasks, where Airflow calls this package: failures are counted, and pulls are observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from exclusive_redis_xcom.reporting import metrics
from exclusive_redis_xcom.task import observing

if TYPE_CHECKING:
    from exclusive_redis_xcom.airflow.rows import Asked, OfThisRun


class _Counted:
    """Counts the error that ends the `with` block. A timeout or a signal is no error of a push or a pull.

    Args:
        dag_id: The producer's DAG; None if it is not known.
        task_id: The producer; None if it is not known.
    """

    __slots__ = ("_dag_id", "_task_id")

    metric: ClassVar[str]

    def __init__(self, dag_id: str | None, task_id: str | None) -> None:
        self._dag_id = dag_id
        self._task_id = task_id

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _kind: object, error: object, _traceback: object) -> None:
        """Count the error, and let it pass."""
        if isinstance(error, Exception):
            metrics.failed(self.metric, error, dag_id=self._dag_id, task_id=self._task_id)


class counted_push(_Counted):  # noqa: N801 - it is read as `with counted_push(...):`
    """Counts a push that fails."""

    __slots__ = ()

    metric = metrics.PUSH_FAILED


class counted_pull(_Counted):  # noqa: N801 - as above
    """Counts a pull that fails. What is read inside the block is recorded as one pull."""

    __slots__ = ("_observed",)

    metric = metrics.PULL_FAILED

    def __enter__(self) -> None:
        """Begin the record of the pull."""
        self._observed = observing.begin()

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        """End the record of the pull, count the error, and let it pass."""
        if self._observed is not None:
            observing.end(self._observed)
        if error is not None:
            super().__exit__(kind, error, traceback)

    @classmethod
    def of(cls, asked: Asked | OfThisRun | None) -> counted_pull:
        """Return what counts a pull. A row's own text is not asked for ids, since anybody may have written it."""
        return cls(getattr(asked, "dag_id", None), getattr(asked, "task_id", None))
