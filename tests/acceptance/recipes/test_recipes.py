"""Each DAG of examples/recipes does what its page says."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from devtools.airflow_stack import AirflowStack
from devtools.components import OURS
from tests.acceptance.recipes.conftest import Run, not_in_page

Runs = Callable[..., Run]
Shell = Callable[..., subprocess.CompletedProcess[str]]
Command = Callable[..., tuple[int, list[str]]]


def test_a_token_is_for_one_consumer_once(run: Runs) -> None:
    done = run("token_once")

    assert done.states == {
        "log_in": "success",
        "upload": "success",
        "upload_again": "failed",
        "report": "failed",
        "finish": "success",
    }
    assert done.printed("upload got ") == ["upload got a token of 32 characters"]
    assert done.refusals() == [
        "XComAccessDenied: report may not pull 'token' of log_in: only upload and upload_again may.",
        "XComAlreadyClaimed: upload_again may not pull 'token' of log_in: it may be read once, and it was.",
    ]
    assert not_in_page("token-once.md", done.refusals()) == []


def test_frames_come_back_as_they_were_pushed(run: Runs) -> None:
    done = run("mapped_frames")

    assert done.state == "success", done.output[-4000:]
    assert done.printed("rows: ") == ["rows: 3000 sum: 1498500"]
    assert done.printed("largest in ") == [f"largest in {region}: 999" for region in ("north", "south", "west")]
    assert not_in_page("mapped-frames.md", [*done.printed("rows: "), *done.printed("largest in ")]) == []


class TestLargeValues:
    @pytest.fixture
    def bucket(self, tmp_path: Path) -> Path:
        return tmp_path / "bucket"

    @pytest.fixture
    def spilling(self, bucket: Path) -> dict[str, str]:
        return {f"{OURS}SPILL_PATH": f"file://{bucket}"}

    def objects(self, bucket: Path) -> list[Path]:
        return [path for path in bucket.rglob("*") if path.is_file()]

    def test_the_value_lies_in_object_storage_until_gc_finds_that_nobody_can_read_it(
        self, run: Runs, exclusive_xcom: Command, redis_client: redis.Redis, bucket: Path, spilling: dict[str, str]
    ) -> None:
        done = run("large_values", **spilling)

        assert done.state == "success", done.output[-4000:]
        pushed, pulled = done.printed("pushed "), done.printed("pulled ")
        assert [line.replace("pulled", "pushed") for line in pulled] == pushed
        assert pushed[0].startswith("pushed 41943040 bytes")
        (stored,) = self.objects(bucket)
        assert stored.stat().st_size > 40 * 1024 * 1024
        (name,) = redis_client.scan_iter("exclusive_redis_xcom:large_values:*:export:dump")
        assert (redis_client.memory_usage(name) or 0) < 10_000

        redis_client.delete(name)  # as if its TTL had passed
        hours_ago = time.time() - 7200
        os.utime(stored, (hours_ago, hours_ago))
        looked, looking = exclusive_xcom("gc --dry-run", **spilling)
        assert (looked, looking) == (0, self.told(bucket, "would be removed"))
        assert self.objects(bucket) == [stored]
        removed, removing = exclusive_xcom("gc", **spilling)
        assert (removed, removing) == (0, self.told(bucket, "removed"))
        assert self.objects(bucket) == []
        told = [*looking[1:], *removing[1:]]
        assert not_in_page("large-values.md", map(str.strip, told)) == []

    def told(self, bucket: Path, removed: str) -> list[str]:
        return [
            f"file://{bucket}",
            "  in use                    0         0 B",
            "  too young to tell         0         0 B",
            f"  {removed:<17}         1    40.0 MiB",
            "  not ours, left            0         0 B",
        ]


def test_report_lets_a_forgotten_reader_pass_and_says_so(run: Runs, exclusive_xcom: Command) -> None:
    reported = run("report_first", **{f"{OURS}MODE": "report"})

    assert reported.state == "success"
    assert reported.printed("mean: ") == ["mean: 5.333333333333333"]
    assert reported.logged("XCom pull would be refused: ") == [
        "XCom pull would be refused: forecast may not pull 'prices' of extract: only load may."
    ]
    _, listed = exclusive_xcom("denials --dag report_first")
    assert [line.split("  ")[-1].strip() for line in listed] == [
        "WHY",
        "only reported: it got the value",
    ]
    assert not_in_page("report-first.md", reported.logged("XCom pull would be refused: ")) == []

    enforced = run("report_first", **{f"{OURS}MODE": "enforce"})

    assert enforced.states == {"extract": "success", "load": "success", "forecast": "failed"}
    assert enforced.refusals() == [
        "XComAccessDenied: forecast may not pull 'prices' of extract: only load may.",
    ]
    assert not_in_page("report-first.md", enforced.refusals()) == []


def test_values_are_looked_at_from_a_shell(run: Runs, shell: Shell, home: AirflowStack) -> None:
    done = run("look_at_values")
    assert done.state == "success"

    password = shell("exclusive-xcom show look_at_values/extract:password --value")
    ticket = shell("exclusive-xcom show look_at_values/extract:ticket --value")

    assert (password.returncode, password.stdout.splitlines()[-2:]) == (
        0,
        ["str, 28 characters", "correct horse battery staple"],
    )
    assert not_in_page("look-at-values.md", password.stdout.splitlines()[-2:]) == []
    assert (ticket.returncode, ticket.stderr.splitlines()[-1]) == (
        1,
        "The value may be read once, by a task that its rule names. It is never shown here, claimed or not: "
        "this command claims nothing.",
    )
    revealed = home.rows("SELECT * FROM log WHERE event = 'xcom_revealed' AND run_id = ?", done.run_id)
    assert [(row["dag_id"], row["task_id"], json.loads(row["extra"])["key"]) for row in revealed] == [
        ("look_at_values", "extract", "password")
    ]
    assert "correct horse" not in json.dumps(revealed, default=str)


def test_one_task_alone_pulls_the_token(run: Runs) -> None:
    done = run("exclusive_token", folder="exclusive_token")

    assert done.states == {"extract": "success", "load": "success", "report": "failed", "finish": "success"}
    digests = [line.rpartition(" ")[2] for line in (*done.printed("pushed a token"), *done.printed("pulled a token"))]
    assert len(digests) == 2
    assert len(set(digests)) == 1
    assert done.refusals() == ["XComAccessDenied: report may not pull 'token' of extract: only load may."]
    assert not_in_page("exclusive-token.md", done.refusals()) == []
