"""docs/how-to/recipes/moving-backends.md: rows of three backends, and who reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.components import BACKEND, OURS
from exclusive_redis_xcom.crypto import generate_seal_keys
from tests.acceptance.recipes.conftest import DEFAULT, OBJECT_STORAGE, Run

Runs = Callable[..., Run]


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of `XComObjectStorageBackend`: every value becomes an object."""
    path: Path = tmp_path_factory.mktemp("objects")
    return {
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH": f"file://{path}",
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD": "0",
    }


@pytest.fixture(scope="module")
def earlier(run: Runs, bucket: dict[str, str]) -> dict[str, str]:
    """A finished run under each backend."""
    runs = {
        DEFAULT: run("moving_backends", backend=DEFAULT),
        OBJECT_STORAGE: run("moving_backends", backend=OBJECT_STORAGE, **bucket),
        BACKEND: run("moving_backends"),
    }
    assert {backend: done.state for backend, done in runs.items()} == dict.fromkeys(runs, "success")
    return {backend: done.run_id for backend, done in runs.items()}


def pulled(run: Runs, backend: str, run_id: str, **env: str) -> tuple[str, str]:
    """Pull the value of an earlier run: the type that the pull returned, and how `load` ended."""
    done = run("moving_backends", conf={"earlier_run": run_id}, backend=backend, **env)
    assert done.states["extract"] == "success", done.output[-4000:]
    printed = done.printed("pulled a ")
    return printed[0].split()[2] if printed else "", done.states["load"]


def test_what_the_default_backend_wrote_is_read(run: Runs, earlier: dict[str, str]) -> None:
    assert pulled(run, BACKEND, earlier[DEFAULT]) == ("list", "success")


def test_of_what_the_object_storage_backend_wrote_a_pull_returns_the_path(
    run: Runs, earlier: dict[str, str], bucket: dict[str, str]
) -> None:
    assert pulled(run, BACKEND, earlier[OBJECT_STORAGE]) == ("str", "failed")
    assert pulled(run, BACKEND, earlier[OBJECT_STORAGE], **bucket) == ("str", "success")


def test_after_going_back_a_pull_of_our_value_returns_the_reference(
    run: Runs, earlier: dict[str, str], bucket: dict[str, str]
) -> None:
    assert pulled(run, DEFAULT, earlier[BACKEND]) == ("dict", "failed")
    assert pulled(run, OBJECT_STORAGE, earlier[BACKEND], **bucket) == ("dict", "failed")
    assert pulled(run, DEFAULT, earlier[DEFAULT]) == ("list", "success")
    assert pulled(run, OBJECT_STORAGE, earlier[OBJECT_STORAGE], **bucket) == ("list", "success")
    assert pulled(run, BACKEND, earlier[BACKEND]) == ("list", "success")


def test_where_all_values_are_sealed_older_rows_need_allow_plaintext_read(run: Runs, earlier: dict[str, str]) -> None:
    public, private = generate_seal_keys()
    sealing = {
        f"{OURS}ENFORCEMENT": "server",
        f"{OURS}SEAL_PUBLIC_KEY": public,
        f"{OURS}SEAL_PRIVATE_KEYS": private,
    }

    assert pulled(run, BACKEND, earlier[DEFAULT], **sealing) == ("", "failed")
    assert pulled(run, BACKEND, earlier[DEFAULT], **sealing, **{f"{OURS}ALLOW_PLAINTEXT_READ": "True"}) == (
        "list",
        "success",
    )
