"""XComs that Airflow's triggerer writes into its own table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exclusive_redis_xcom.api_server.watch.triggered import watch_rows
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Store
from tests.unit.api_server.rested import Airflow
from tests.unit.api_server.watched import AT, Memory


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def write(database: Path) -> Iterator[Callable[..., None]]:
    """Writes a row as `XComModel.set` does, which `TaskInstance.xcom_push` calls.

    It is kept if something is to happen between the writing and the end of the transaction.
    """
    from airflow.models.xcom import XComModel
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    engine = create_engine(f"sqlite:///{database}")  # without Airflow's foreign keys

    def add(at: Coordinate, meanwhile: Callable[[], object] | None = None) -> None:
        with Session(engine) as session:
            ids = {"dag_id": at.dag_id, "run_id": at.run_id, "task_id": at.task_id, "map_index": at.map_index}
            session.add(XComModel(dag_run_id=1, key=at.key, value="of a trigger", **ids))
            session.flush()
            if meanwhile is None:
                session.rollback()
                return
            meanwhile()
            session.commit()

    yield add
    engine.dispose()


def test_what_was_pushed_under_the_same_key_is_not_current_any_more(
    memory: Memory, write: Callable[[Coordinate], None]
) -> None:
    other = Coordinate("sales", "run-1", "extract", "other", 3)
    memory.mark(AT, other)
    end = watch_rows(lambda: memory.store)

    write(AT)
    end()
    write(other)

    assert [memory.marked(at) for at in (AT, other)] == [False, True]


def test_what_is_found_out_before_the_transaction_ends_is_forgotten(
    memory: Memory, write: Callable[..., None], airflow: Airflow
) -> None:
    """Between the two an API server may find that Redis knows all rows of the key: it does not see this one."""
    end = watch_rows(lambda: memory.store)

    write(AT, lambda: memory.mark(AT))
    end()

    assert not memory.marked(AT)


def test_a_redis_that_is_gone_does_not_keep_the_row_from_being_written(
    memory: Memory, write: Callable[[Coordinate], None], caplog: pytest.LogCaptureFixture
) -> None:
    def gone() -> Store:
        raise OSError("canary of a database")

    for source in (gone, lambda: memory.store):
        memory.up = False
        end = watch_rows(source)
        write(AT)
        end()

    assert caplog.text.count("Redis could not be told of an XCom that a trigger wrote") == 2
    assert "canary" not in caplog.text
