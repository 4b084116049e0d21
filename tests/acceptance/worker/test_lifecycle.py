"""What happens to values when people clear, edit and trigger from outside the DAG file."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from dataclasses import replace
from typing import Any

import pytest
import redis

from devtools.airflow_stack import AirflowStack, ApiError
from exclusive_redis_xcom.formats import packed_rule
from exclusive_redis_xcom.formats.redis_names import hash_name
from exclusive_redis_xcom.formats.reference import parse, shown_consumers


def run(airflow: AirflowStack, dag_id: str, conf: dict[str, Any] | None = None) -> str:
    run_id = airflow.trigger(dag_id, conf=conf)
    airflow.wait_run(dag_id, run_id, timeout=120)
    return run_id


def references(airflow: AirflowStack, run_id: str) -> dict[tuple[str, str], Any]:
    return {(row["task_id"], row["key"]): json.loads(row["value"]) for row in airflow.xcom_rows("lifecycle", run_id)}


def hashes(redis_client: redis.Redis, dag_id: str, task_id: str) -> set[str]:
    names = redis_client.scan_iter(f"exclusive_redis_xcom:{dag_id}:*:{task_id}:*", count=1000)
    return {name.decode().rsplit(":", 1)[1] for name in names}


def test_a_cleared_run_pushes_anew_and_nothing_of_the_first_try_is_left(
    airflow: AirflowStack, redis_client: redis.Redis
) -> None:
    run_id = run(airflow, "lifecycle")
    first = references(airflow, run_id)

    airflow.clear("lifecycle", run_id)
    assert airflow.wait_run("lifecycle", run_id, timeout=120) == "success"

    second = references(airflow, run_id)
    produced = ("produce", "return_value")
    assert set(first) - set(second) == {("produce", "first try only")}
    versions = [parse(rows[produced]).version for rows in (first, second)]
    assert versions[0] != versions[1]
    assert not [
        name for name in redis_client.scan_iter(f"*:{quoted(run_id)}:*") if name.endswith(b":first%20try%20only")
    ]


def quoted(run_id: str) -> str:
    from exclusive_redis_xcom.model import Coordinate

    return hash_name("p", Coordinate("d", run_id, "t", "k")).split(":")[2]


def test_the_consumer_cleared_alone_reads_the_value_again(airflow: AirflowStack) -> None:
    run_id = run(airflow, "lifecycle")

    airflow.clear("lifecycle", run_id, ["consume"])

    assert airflow.wait_run("lifecycle", run_id, timeout=120) == "success"


def test_a_value_set_over_rest_is_read_as_the_default_backend_would(airflow: AirflowStack) -> None:
    run_id = run(airflow, "lifecycle")
    path = f"/dags/lifecycle/dagRuns/{run_id}/taskInstances/produce/xcomEntries/return_value"
    airflow.api("PATCH", path, json={"value": {"set": "over REST"}})

    airflow.clear("lifecycle", run_id, ["consume"])

    assert airflow.wait_run("lifecycle", run_id, timeout=120) == "success"


def test_a_forged_reference_is_refused_loudly(airflow: AirflowStack) -> None:
    run_id = run(airflow, "lifecycle")
    pushed = parse(references(airflow, run_id)["produce", "return_value"])
    forged = replace(pushed, coordinate=replace(pushed.coordinate, task_id="somebody_else")).to_json()
    write(
        airflow,
        "UPDATE xcom SET value = ? WHERE run_id = ? AND task_id = 'produce' AND key = 'return_value'",
        json.dumps(forged),
        run_id,
    )

    airflow.clear("lifecycle", run_id, ["consume"])

    assert airflow.wait_run("lifecycle", run_id, timeout=120) == "failed"
    assert "InvalidReference" in airflow.task_log("lifecycle", run_id, "consume", try_number=2)


def test_the_xcom_tab_shows_type_size_consumers_and_expiry(airflow: AirflowStack) -> None:
    run_id = run(airflow, "lifecycle")

    path = f"/dags/lifecycle/dagRuns/{run_id}/taskInstances/produce/xcomEntries/return_value"
    shown = airflow.api("GET", path, params={"deserialize": "true", "stringify": "false"})["value"]

    body, reference = shown["exclusive_redis_xcom"], parse(shown)
    expires = reference.expires_at
    assert list(body) == ["about", "reference"]
    assert re.fullmatch(
        r"tuple of \d+, \d+ bytes, for consume until \d+ \w{3}( \d{4})? \d\d:\d\d UTC; "
        r"the value is in Redis, not here",
        body["about"],
    )
    assert f" {expires.day} {expires:%b} " in body["about"]
    assert reference.type_name == "tuple"
    assert reference.size > 0
    assert expires > reference.pushed_at


class TestDeletions:
    def test_a_deleted_run_leaves_redis_and_another_run_of_the_dag_stays(
        self, airflow: AirflowStack, redis_client: redis.Redis
    ) -> None:
        gone, stays = run(airflow, "lifecycle"), run(airflow, "lifecycle")
        before = {run_id: names_of(redis_client, run_id) for run_id in (gone, stays)}
        assert all(before.values())

        airflow.api("DELETE", f"/dags/lifecycle/dagRuns/{gone}")

        assert {run_id: names_of(redis_client, run_id) for run_id in before} == {gone: set(), stays: before[stays]}

    def test_what_airflow_does_not_find_changes_nothing(self, airflow: AirflowStack, redis_client: redis.Redis) -> None:
        run_id = run(airflow, "lifecycle")
        before = names_of(redis_client, run_id)

        with pytest.raises(ApiError, match="404"):
            airflow.api("DELETE", f"/dags/lifecycle/dagRuns/{run_id}-b")

        assert names_of(redis_client, run_id) == before

    def test_a_deleted_dag_leaves_redis(self, airflow: AirflowStack, redis_client: redis.Redis) -> None:
        run_id = run(airflow, "to_be_deleted")
        assert names_of(redis_client, run_id)

        airflow.api("DELETE", "/dags/to_be_deleted")

        assert names_of(redis_client, run_id) == set()


def names_of(redis_client: redis.Redis, run_id: str) -> set[bytes]:
    """The hashes of a run."""
    return set(redis_client.scan_iter(f"exclusive_redis_xcom:*:{quoted(run_id)}:*", count=1000))


class TestRunConf:
    def test_conf_that_names_other_consumers_is_refused(self, airflow: AirflowStack) -> None:
        with pytest.raises(ApiError) as caught:
            airflow.trigger("lifecycle", conf={"xcom_acl": {"produce": {"return_value": ["anyone_else"]}}})

        assert "xcom_acl" in str(caught.value)

    def test_conf_changes_nothing_where_the_dag_declares_no_acl(
        self, airflow: AirflowStack, redis_client: redis.Redis
    ) -> None:
        run_id = airflow.trigger("without_acl", conf={"xcom_acl": {"make": {"return_value": []}}})

        assert airflow.wait_run("without_acl", run_id, timeout=120) == "success"
        (row,) = airflow.xcom_rows("without_acl", run_id)
        reference = parse(json.loads(row["value"]))
        assert shown_consumers(reference) == ("*",)
        rule = redis_client.hget(hash_name("exclusive_redis_xcom", reference.coordinate), "acl")
        assert isinstance(rule, bytes)
        assert b"default_consumers" in packed_rule.unpack(rule, reference.coordinate)

    def test_conf_forced_into_the_database_changes_no_rule(self, airflow: AirflowStack) -> None:
        run_id = airflow.trigger("lifecycle", conf={"harmless": 1})
        airflow.wait_run("lifecycle", run_id, timeout=120)
        conf = {"xcom_acl": {"produce": {"return_value": ["somebody_else"]}}}
        write(airflow, "UPDATE dag_run SET conf = ? WHERE run_id = ?", json.dumps(conf), run_id)

        before = references(airflow, run_id)

        airflow.clear("lifecycle", run_id)
        assert airflow.wait_run("lifecycle", run_id, timeout=120) == "success"

        after = references(airflow, run_id)
        assert after["produce", "return_value"] != before["produce", "return_value"]  # pushed anew
        for pushed in (before, after):
            assert shown_consumers(parse(pushed["produce", "return_value"])) == ("consume",)
        assert "somebody_else" not in airflow.task_log("lifecycle", run_id, "produce", try_number=2)


def write(airflow: AirflowStack, statement: str, *arguments: object) -> None:
    """What somebody with the database's password could do."""
    with contextlib.closing(sqlite3.connect(airflow.home / "airflow.db", timeout=30)) as database, database:
        assert database.execute(statement, arguments).rowcount == 1


def test_a_task_that_its_trigger_ends_runs_among_tasks_that_push_and_pull(airflow: AirflowStack) -> None:
    run_id = airflow.trigger("ends_from_trigger")

    assert airflow.wait_run("ends_from_trigger", run_id, timeout=120) == "success"
