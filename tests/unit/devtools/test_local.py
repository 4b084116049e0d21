"""What `make up` says and writes. That it starts Airflow is seen in use."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from devtools import local


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / ".env"
    monkeypatch.setattr(local, "ENV_FILE", path)
    return path


def test_it_says_where_airflow_is_who_may_log_in_and_where_dags_go() -> None:
    assert local.told("http://localhost:8080", "log in as admin, with the password p").splitlines() == [
        "Open http://localhost:8080 (log in as admin, with the password p).",
        "DAG exclusive_token is ready. Its task `report` fails, as its rule demands.",
        "Put your own DAGs into examples/: Airflow finds them within a minute.",
        "`make down` stops Airflow, and removes its database, logs, passwords and XComs. It leaves examples/ as it is.",
    ]


def test_every_password_is_another_one_and_only_its_owner_reads_the_file(env_file: Path) -> None:
    generated = local.generated_passwords()

    assert set(generated) == set(local.PASSWORDS)
    assert len(set(generated.values())) == len(local.PASSWORDS)
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
    assert local.generated_passwords() == generated


def test_airflow_takes_the_fernet_key() -> None:
    Fernet(local.secret_for("AIRFLOW_FERNET_KEY"))


def test_a_file_of_an_older_checkout_keeps_its_passwords_and_gets_those_that_it_lacks(env_file: Path) -> None:
    env_file.write_text("POSTGRES_PASSWORD=old\nAIRFLOW_SECRET=no longer used\n")

    generated = local.generated_passwords()

    assert generated["POSTGRES_PASSWORD"] == "old"
    assert set(local.PASSWORDS) <= set(generated)
