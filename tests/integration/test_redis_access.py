"""How commands open Redis for a person at a terminal: one way for all of them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools.components import OURS
from devtools.redis_server import free_port
from devtools.worlds.fresh_process import start_afresh
from exclusive_redis_xcom import cli
from exclusive_redis_xcom.cli.redis_access import REDIS_URL_VARIABLE
from tests.integration.support import PREFIX, Start, open_store

DAG = """
from airflow.sdk import DAG, BaseOperator

with DAG("sales", schedule=None):
    BaseOperator(task_id="extract")
"""

#: Every command that reads what Redis holds, and the word that its error begins with.
COMMANDS = {
    ("ls",): "Listing",
    ("show", "sales/extract:token"): "Listing",
    ("du",): "Listing",
    ("denials",): "Reading",
    ("suggest",): "Reading",
    ("unused", "--dags", "DAGS"): "Reading",
}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(f"{OURS}KEY_PREFIX", PREFIX)
    start_afresh()
    yield
    start_afresh()


@pytest.fixture(params=COMMANDS, ids=lambda command: command[0])
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    (tmp_path / "sales.py").write_text(DAG)
    return [str(tmp_path) if word == "DAGS" else word for word in request.param]


@pytest.fixture(params=[("ls",), ("denials",)], ids=lambda command: command[0])
def one_of_each_kind(request: pytest.FixtureRequest) -> list[str]:
    """A command on what lives in Redis, and one on what was recorded. All others open Redis as one of these does."""
    return list(request.param)


def refused(command: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run a command that Redis does not answer, and return what it says of that."""
    capsys.readouterr()
    assert cli.main(command) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "task" not in printed.err
    return printed.err.splitlines()


def test_redis_is_down(command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv(f"{OURS}REDIS_URL", f"redis://user:s3cret-word@127.0.0.1:{port}")

    first, cause, remedy = refused(command, capsys)

    assert first.endswith(" failed: the connection was refused.")
    assert f": Redis (127.0.0.1:{port}) was tried " in cause
    assert remedy == (
        "Check that Redis is up, and that this machine reaches it. [exclusive_redis_xcom] redis_url says where it is. "
        "The variable EXCLUSIVE_XCOM_REDIS_URL can name another."
    )


def test_the_redis_of_the_variable_is_down(
    one_of_each_kind: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv(REDIS_URL_VARIABLE, f"redis://user:s3cret-word@127.0.0.1:{port}")

    first, cause, remedy = refused(one_of_each_kind, capsys)

    assert first.endswith(" failed: the connection was refused.")
    assert f": Redis (127.0.0.1:{port}) was tried " in cause
    assert remedy == (
        "Check that Redis is up, and that this machine reaches it. The variable EXCLUSIVE_XCOM_REDIS_URL says where it "
        "is."
    )


def test_the_variable_holds_no_url(
    one_of_each_kind: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(REDIS_URL_VARIABLE, "s3cret-word")

    said = refused(one_of_each_kind, capsys)

    assert said[0] == "EXCLUSIVE_XCOM_REDIS_URL cannot be used."
    assert "s3cret-word" not in "".join(said)


def test_a_wrong_password_in_the_variable_is_corrected_there(
    one_of_each_kind: list[str], start_redis: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start_redis()
    monkeypatch.setenv(REDIS_URL_VARIABLE, started.url.replace("://", "://nobody:s3cret-word@"))

    *_, remedy = refused(one_of_each_kind, capsys)

    assert remedy == (
        "Correct them in the variable EXCLUSIVE_XCOM_REDIS_URL. Redis refuses a user who is switched off in the same "
        "way."
    )


def test_a_redis_that_never_answers_is_asked_once_and_for_3_seconds(
    one_of_each_kind: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(REDIS_URL_VARIABLE, f"redis://127.0.0.1:{silent.getsockname()[1]}")

        first, cause, *_ = refused(one_of_each_kind, capsys)

    assert first.endswith(" failed: there was no answer in time (3 s).")
    assert " was tried once in " in cause


def test_the_variable_counts_more_than_the_setting(
    command: list[str], start_redis: Start, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start_redis()
    monkeypatch.setenv(f"{OURS}REDIS_URL", f"redis://127.0.0.1:{free_port()}")
    monkeypatch.setenv(REDIS_URL_VARIABLE, started.url)
    with open_store(started.url):
        status = cli.main(command)

    assert "failed" not in capsys.readouterr().err
    # An empty Redis has nothing to list, and no read to suggest from.
    assert status == {"ls": 1, "show": 1, "du": 1, "denials": 0, "suggest": 2, "unused": 0}[command[0]]
