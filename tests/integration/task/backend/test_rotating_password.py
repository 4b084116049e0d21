"""A password that changes while a process lives: the process asks for its settings again, once."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis

from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.fresh_process import start_afresh
from exclusive_redis_xcom import StoreUnavailable
from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
from exclusive_redis_xcom.settings import load_settings
from tests.integration.support import at, shown
from tests.integration.task.sales import pull, push

USER = "rotating"
OLD, NEW, NEWER = "canary-0ld", "canary-n3w", "canary-n3wer"
READ_AGAIN = "The settings were read again, and have "


class Rotating:
    """A user of Redis whose password changes, and the place where processes find the password."""

    def __init__(self, server: RedisServer, place: Path) -> None:
        self._server = server
        self._place = place
        self._asked = place.with_name("asked")
        self._asked.touch()
        self.change(OLD)
        self.publish(OLD)

    def change(self, password: str) -> None:
        """Give the user another password, and end what it has open."""
        with self._admin() as admin:
            rights = ("on", "~*", "+@all")
            admin.execute_command("ACL", "SETUSER", USER, "resetpass", f">{password}", *rights)
            with contextlib.suppress(redis.ResponseError):
                admin.execute_command("CLIENT", "KILL", "USER", USER)

    def publish(self, password: str) -> None:
        """Let settings have a password."""
        self._place.write_text(self.url(password))

    def url(self, password: str) -> str:
        return self._server.url.replace("://", f"://{USER}:{password}@")

    @property
    def command(self) -> str:
        """A command that prints the URL. It notes each time that it ran."""
        script = self._place.with_name("url.sh")
        script.write_text(f"echo asked >> {self._asked}; cat {self._place}")
        return f"sh {script}"

    @property
    def asked(self) -> int:
        return len(self._asked.read_text().splitlines())

    def remove(self) -> None:
        with self._admin() as admin:
            admin.execute_command("ACL", "DELUSER", USER)

    def _admin(self) -> contextlib.closing[redis.Redis]:
        return contextlib.closing(redis.Redis(port=self._server.port, socket_timeout=5))


@pytest.fixture
def rotating(server: RedisServer, tmp_path: Path) -> Iterator[Rotating]:
    user = Rotating(server, tmp_path / "url")
    yield user
    user.remove()


@pytest.fixture
def by_command(rotating: Rotating, monkeypatch: pytest.MonkeyPatch) -> Rotating:
    monkeypatch.delenv(f"{OURS}REDIS_URL")
    monkeypatch.setenv(f"{OURS}REDIS_URL_CMD", rotating.command)
    start_afresh()
    return rotating


def refused(work: Callable[[], Any]) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        work()
    assert "canary" not in shown(caught.value)
    return str(caught.value)


class TestTasks:
    def test_a_command_is_run_again(self, dag: Any, by_command: Rotating) -> None:
        push(dag, "of the old password")
        asked = by_command.asked

        for password in (NEW, NEWER):
            by_command.change(password)
            by_command.publish(password)

            assert pull(dag, "load") == "of the old password"

        push(dag, "of the new password")
        assert pull(dag, "load") == "of the new password"
        assert by_command.asked == asked + 2

    def test_a_connection_is_looked_up_again(
        self, dag: Any, rotating: Rotating, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv(f"{OURS}REDIS_URL")
        monkeypatch.setenv(f"{OURS}REDIS_CONN_ID", "rotating")
        monkeypatch.setenv("AIRFLOW_CONN_ROTATING", rotating.url(OLD))
        start_afresh()
        push(dag, "of the old password")

        rotating.change(NEW)
        monkeypatch.setenv("AIRFLOW_CONN_ROTATING", rotating.url(NEW))

        assert pull(dag, "load") == "of the old password"

    def test_a_secret_is_asked_for_again(self, dag: Any, rotating: Rotating, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(f"{OURS}REDIS_URL")
        monkeypatch.setenv(f"{OURS}REDIS_URL_SECRET", "the url")
        monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", f"{__name__}.Secrets")
        monkeypatch.setenv("AIRFLOW__WORKERS__SECRETS_BACKEND", f"{__name__}.Secrets")
        monkeypatch.setattr(Secrets, "url", rotating.url(OLD))
        start_afresh()
        push(dag, "of the old password")

        rotating.change(NEW)
        monkeypatch.setattr(Secrets, "url", rotating.url(NEW))

        assert pull(dag, "load") == "of the old password"

    def test_settings_that_have_not_changed_are_asked_for_once(
        self, dag: Any, by_command: Rotating, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        push(dag, 1)
        asked = by_command.asked
        by_command.change(NEW)

        first, second, third = refused(lambda: push(dag, 2)).split("\n")

        assert first == "Pushing failed: Redis refuses the user name or password."
        assert ") was tried 2 times in " in second  # Redis had closed the connection
        assert second.endswith(f" s. {READ_AGAIN}not changed.")
        assert third == (
            "Correct them in [exclusive_redis_xcom] redis_url. "
            "Redis refuses a user who is switched off in the same way."
        )
        assert by_command.asked == asked + 1
        assert "canary" not in caplog.text

    def test_a_changed_password_that_is_wrong_is_tried_once(self, dag: Any, by_command: Rotating) -> None:
        push(dag, 1)
        asked = by_command.asked
        by_command.change(NEW)
        by_command.publish(NEWER)

        _, second, _ = refused(lambda: push(dag, 2)).split("\n")

        assert ") was tried 3 times in " in second  # Redis had closed the connection
        assert second.endswith(f" s. {READ_AGAIN}changed.")
        assert by_command.asked == asked + 1

    def test_settings_that_cannot_be_read_again_leave_the_refusal(
        self, dag: Any, by_command: Rotating, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        push(dag, 1)
        by_command.change(NEW)
        monkeypatch.setenv(f"{OURS}REDIS_URL_CMD", "sh -c 'echo canary-printed; exit 3'")

        first, second, _ = refused(lambda: push(dag, 2)).split("\n")

        assert first == "Pushing failed: Redis refuses the user name or password."
        assert second.endswith(" s. The settings were read again, and that failed (AirflowConfigException).")

    def test_a_task_that_begins_with_an_old_password_of_its_parent(self, dag: Any, by_command: Rotating) -> None:
        load_settings()  # as the parent of a prefork worker does
        by_command.change(NEW)
        by_command.publish(NEW)

        push(dag, "of the new password")

        assert pull(dag, "load") == "of the new password"


class TestApiServers:
    """Their clients live long: for read-once values, for deletions, for the watch over rows."""

    def test_the_store_goes_on(self, by_command: Rotating) -> None:
        store = StoreSource(load_settings())()
        store.beat("0" * 32, missed=False)
        asked = by_command.asked

        by_command.change(NEW)
        by_command.publish(NEW)

        store.beat("0" * 32, missed=False)
        store.uncommit([at()])
        assert not store.commit(at(), None)
        assert by_command.asked == asked + 2  # A beat has a connection of its own.

    def test_many_threads_ask_once(self, by_command: Rotating) -> None:
        store = StoreSource(load_settings())()
        store.fetch(at())
        asked = by_command.asked
        by_command.change(NEW)
        by_command.publish(NEW)
        together = threading.Barrier(8)

        def fetch(_: int) -> bool:
            together.wait()
            return store.fetch(at()).found

        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(fetch, range(8))) == [False] * 8
        assert by_command.asked == asked + 1

    def test_a_wrong_password_does_not_run_the_command_for_each_request(self, by_command: Rotating) -> None:
        store = StoreSource(load_settings())()
        store.fetch(at())
        asked = by_command.asked
        by_command.change(NEW)

        for _ in range(20):
            assert "refuses the user name or password" in refused(lambda: store.fetch(at()))

        assert asked < by_command.asked <= asked + 3


class Secrets:
    """A secrets backend of Airflow."""

    url = ""

    def get_config(self, key: str) -> str | None:
        return self.url if key == "the url" else None

    def get_connection(self, *_: Any, **__: Any) -> None:
        return None

    def get_variable(self, *_: Any, **__: Any) -> None:
        return None
