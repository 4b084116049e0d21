"""Airflow's own tables, auth manager and tokens, for tests that need them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import sessionmaker

from devtools.postgres_server import PostgresServer, find_postgres
from devtools.worlds.fresh_process import forget_signing_keys
from exclusive_redis_xcom.api_server.ring.audit import Audit
from exclusive_redis_xcom.api_server.ring.rest import RestGuard
from exclusive_redis_xcom.connection import RedisClient, Timeouts
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.store import Store
from tests.unit.api_server.rested import Airflow, Redis
from tests.unit.api_server.tables import unconstrained


@pytest.fixture(scope="session")
def database() -> Path:
    """Airflow's tables, in the database of this test run's own AIRFLOW_HOME."""
    from airflow import settings
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from sqlalchemy.orm import configure_mappers

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's models on a newer SQLAlchemy
        import_all_models()
        configure_mappers()
    Base.metadata.create_all(settings.engine)
    return Path(os.environ["AIRFLOW_HOME"], "airflow.db")


@pytest.fixture(scope="session")
def postgresql(database: Path) -> Iterator[Engine]:
    """Airflow's tables in a throw-away PostgreSQL."""
    programs = find_postgres()
    if programs is None:
        pytest.skip("there is no PostgreSQL: neither Debian's package nor an initdb on PATH")
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    from airflow.models.base import Base

    with PostgresServer(programs) as server:
        engine = create_engine(server.url)
        Base.metadata.create_all(engine)
        yield engine
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Airflow's database, once on SQLite and once on PostgreSQL. What a test writes to these tables is removed."""
    from airflow import settings

    engine: Engine = settings.engine
    if request.param == "postgresql":
        engine = request.getfixturevalue("postgresql")
        monkeypatch.setattr(settings, "NonScopedSession", sessionmaker(engine))
    yield engine
    with unconstrained(engine) as connection:
        for table in ("log", "task_instance", "task_instance_history"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - constants


@pytest.fixture
def airflow(database: Path) -> Iterator[Airflow]:
    app = Airflow(database)
    yield app
    app.run("DELETE FROM xcom")


@pytest.fixture(scope="module")  # no longer: what signs them must not be seen by other tests
def tokens(database: Path) -> Iterator[dict[str, str]]:
    """Users' tokens, made and accepted by Airflow's auth manager."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "s" * 64)
        forget_signing_keys()  # of tests that ran in this process before
        yield _tokens(create_auth_manager(), SimpleAuthManagerUser)
    forget_signing_keys()


def _tokens(manager: Any, user: Any) -> dict[str, str]:
    return {
        "admin": manager.generate_jwt(user(username="ann", role="admin")),
        "viewer": manager.generate_jwt(user(username="vic", role="viewer")),
        "expired": manager.generate_jwt(user(username="ann", role="admin"), expiration_time_in_seconds=-60),
        "garbage": "not.a.token",
    }


@pytest.fixture
def audited() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def no_redis() -> Callable[[], Store]:
    def no_redis() -> Store:
        options = options_from_url("redis://127.0.0.1:1/0")  # nobody listens there
        return Store(RedisClient(options, Timeouts(connect=0.1, read=0.1, deadline=0.2)), key_prefix="x")

    return no_redis


@pytest.fixture
def guard(airflow: Airflow, audited: list[dict[str, Any]], no_redis: Callable[[], Store]) -> RestGuard:
    return RestGuard(airflow, audit=Audit("all", write=audited.extend), store=no_redis)


@pytest.fixture
def enforcement() -> str:
    return "server"


@pytest.fixture
def in_memory(airflow: Airflow, audited: list[dict[str, Any]], enforcement: str) -> Iterator[Redis]:
    made = Redis(airflow, audited, enforcement)
    yield made
    made.fake.close()
