"""A task does not read what was written past the ring: values in Redis, and plain values in rows."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import redis

from devtools.worlds.rows import Rows
from devtools.worlds.running_task import RUN_ID
from exclusive_redis_xcom import CorruptValue, InvalidReference, XComAccessDenied
from tests.integration.task.played_ring import no_ring
from tests.integration.task.sales import CANARY, HASH, field_of, hash_of, pull, pull_all, push, the_row


class TestRedisIsNotTrusted:
    def test_a_rule_edited_in_redis_lets_nobody_in(self, dag: Any, rows: Rows, raw: redis.Redis) -> None:
        push(dag, CANARY)
        wider = field_of(raw, HASH, "acl").replace(b'"load"', b'"load","report"')
        raw.hset(HASH, "acl", wider)

        with pytest.raises(XComAccessDenied):
            pull(dag, "report")
        with pytest.raises(CorruptValue):  # and who may read is told that somebody edits
            pull(dag, "load")

    def test_a_plain_value_in_place_of_the_sealed_one_is_refused(
        self, dag: Any, rows: Rows, raw: redis.Redis, configure: Callable[..., None]
    ) -> None:
        push(dag, CANARY)
        sealed = copy.deepcopy(the_row(rows))
        configure(enforcement="worker")
        push(dag, "planted")
        planted = copy.deepcopy(the_row(rows))
        configure(enforcement="server")

        with pytest.raises(CorruptValue, match="'token' of extract is not encrypted in Redis, as it must be here"):
            pull(dag, "load")

        planted["exclusive_redis_xcom"]["reference"]["seal"] = sealed["exclusive_redis_xcom"]["reference"]["seal"]
        rows.values["sales", RUN_ID, "extract", "token", -1] = planted
        with pytest.raises(InvalidReference):  # sealed for another version
            pull(dag, "load")

    def test_a_ciphertext_of_another_xcom_is_refused(self, dag: Any, rows: Rows, raw: redis.Redis) -> None:
        push(dag, CANARY)
        push(dag, "other", key="other")
        raw.hset(HASH, "-1", field_of(raw, hash_of("other"), "-1"))

        with pytest.raises(CorruptValue):
            pull(dag, "load")


class TestPlainRows:
    """Rows that hold a value itself: by REST, by a trigger that ended its task, by another backend."""

    @pytest.fixture(autouse=True)
    def planted(self, configuration: None, rows: Rows) -> None:
        rows.answer = no_ring
        for key in ("token", "skipmixin_key", "_link_TheLink"):
            rows.values["sales", RUN_ID, "extract", key, -1] = "planted"

    def test_they_are_refused_where_all_values_are_sealed(self, dag: Any) -> None:
        with pytest.raises(InvalidReference, match="The row of 'token' of extract holds a plain value") as caught:
            pull(dag, "load")

        assert "planted" not in str(caught.value)
        with pytest.raises(InvalidReference, match="plain value"):
            pull_all(dag, "load")

    def test_what_airflow_writes_itself_is_read(self, dag: Any) -> None:
        assert pull(dag, "load", key="skipmixin_key") == "planted"
        assert pull(dag, "load", key="_link_TheLink") == "planted"

    @pytest.mark.parametrize(
        "options", [{"allow_plaintext_read": "True"}, {"seal": "restricted"}, {"enforcement": "worker"}]
    )
    def test_elsewhere_they_are_read_as_airflow_reads_them(
        self, dag: Any, configure: Callable[..., None], options: dict[str, str]
    ) -> None:
        configure(**options)

        assert pull(dag, "load") == "planted"

    def test_no_row_is_none(self, dag: Any) -> None:
        assert pull(dag, "load", key="never pushed") is None
