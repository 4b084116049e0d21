"""Snapshots as files: one written form for each set of grants, and a clear error for everything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import airflow
import pytest

from exclusive_redis_xcom.access import TaskFacts, snapshot_files, snapshot_lines
from exclusive_redis_xcom.access.diff import compare
from exclusive_redis_xcom.access.parsing_process import dag_bag
from exclusive_redis_xcom.access.snapshot import Snapshot
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.testing import effective_access

from .made import access, facts


def test_each_form_of_line_says_who_may_read() -> None:
    dags = access(
        facts(
            "sales",
            (TaskFacts("extract", computes_keys=True), "load"),
            {
                "extract": {
                    "token": {"consumers": ["load", "bi/*"], "ttl_seconds": 60, "once": True, "same_run": True},
                    "a b": [],
                    "return_value": "downstream",
                }
            },
        )
    )

    assert snapshot_lines.dumps(Snapshot.of(dags.dags)).splitlines()[1:] == [
        "sales/extract",
        "sales/extract >> sales/load",
        "sales/extract:* <- sales/* unrestricted",
        'sales/extract:"a b" <- nobody',
        "sales/extract:return_value <- downstream",
        "sales/extract:token <- bi/* once same_run ttl=60s",
        "sales/extract:token <- sales/load once same_run ttl=60s",
        "sales/load",
        "sales/load:return_value <- sales/* unrestricted",
    ]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("", "'file' is neither a snapshot nor facts of DAGs."),
        ("# exclusive-xcom snapshot 2\n", "'file' is no snapshot of version 1."),
        ("# exclusive-xcom snapshot 10\n", "'file' is no snapshot of version 1."),
        (f"{snapshot_lines.FIRST_LINE}\nsales\n", "Line 2 of the snapshot 'file' cannot be read."),
        (f"{snapshot_lines.FIRST_LINE}\na/b\na/b:c <- d\n", "Line 3 of the snapshot 'file' cannot be read."),
        (f"{snapshot_lines.FIRST_LINE}\na/b:c <- nobody ttl=1h\n", "Line 2 of the snapshot 'file' cannot be read."),
        (f"{snapshot_lines.FIRST_LINE}\n<<<<<<< HEAD\n", "Line 2 of the snapshot 'file' cannot be read."),
        (f'{snapshot_lines.FIRST_LINE}\na/"\\q":c <- nobody\n', "Line 2 of the snapshot 'file' cannot be read."),
        ("[]", "'file' is neither a snapshot nor facts of DAGs."),
        ('{"schema": 2, "snapshot": []}', "'file' is neither a snapshot nor facts of DAGs."),
        ('{"schema": 1, "dags": [{}]}', "'file' is neither a snapshot nor facts of DAGs."),
        ("[" * 100_000, "'file' is neither a snapshot nor facts of DAGs."),
    ],
)
def test_what_is_no_snapshot_is_an_error(tmp_path: Path, text: str, first: str) -> None:
    file = tmp_path / "file"
    file.write_text(text)

    with pytest.raises(UndecidedError) as caught:
        snapshot_files.read(file)

    assert str(caught.value).splitlines()[0].replace(str(file), "file") == first


def test_a_file_with_other_line_ends_says_the_same(tmp_path: Path) -> None:
    snapshot = Snapshot.of(access(facts("sales", "ab")).dags)
    file = tmp_path / "file"
    file.write_bytes(snapshot_lines.dumps(snapshot).replace("\n", "\r\n").encode())

    assert snapshot_files.read(file).rules == snapshot.rules


def test_facts_keep_the_places_of_rules_and_no_path(tmp_path: Path) -> None:
    file = tmp_path / "facts.json"
    dags = access(facts("sales", "ab", {"a": {"k": ["b"]}}))
    file.write_text(snapshot_files.facts_as_json(dags.dags.values()))

    read = snapshot_files.read(file)

    assert compare(read, Snapshot.of(dags.dags)).changes == ()
    assert json.loads(file.read_text())["dags"][0]["path"] is None


@pytest.fixture(scope="module")
def examples() -> list[Any]:
    bag = dag_bag(str(Path(airflow.__file__).parent / "example_dags"))
    assert len(bag.dags) > 30
    return list(bag.dags.values())


@pytest.mark.filterwarnings("ignore")  # the example files use what Airflow has deprecated since
@pytest.mark.parametrize("word", ["linked", "same_dag", "downstream", "anyone"])
def test_airflows_own_example_dags_come_back_from_their_snapshot(examples: list[Any], word: str) -> None:
    snapshot = effective_access(examples, default_consumers=word).snapshot()
    text = snapshot_lines.dumps(snapshot)

    again = snapshot_lines.loads(text, "examples")

    assert snapshot_lines.dumps(again) == text
    assert again.rules == snapshot.rules
    assert compare(again, snapshot).changes == ()
