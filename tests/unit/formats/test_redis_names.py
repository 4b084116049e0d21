from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.model import Coordinate

# All of Unicode, lone surrogates included, and the characters that separate or steer more often than chance has it.
IDS = st.text(st.one_of(st.characters(), st.sampled_from(":/%{}*\0\n.~ 2Ff")), max_size=30)
INDEX = st.integers(-1, 10_000)
COORDINATES = st.builds(
    Coordinate, dag_id=IDS, run_id=IDS, task_id=IDS, key=IDS, map_index=INDEX, ti_id=st.none() | IDS
)


def ids_of(at: Coordinate) -> tuple[str | None, ...]:
    return (at.dag_id, at.run_id, at.task_id, at.key, at.ti_id)


@given(COORDINATES, COORDINATES)
@example(Coordinate("a:b", "c", "d", "e"), Coordinate("a", "b:c", "d", "e"))
@example(Coordinate("a%3Ab", "c", "d", "e"), Coordinate("a:b", "c", "d", "e"))
@example(Coordinate("", "a", "b", "c"), Coordinate("a", "", "b", "c"))
@example(Coordinate("a", "b", "c", "ti-d:e"), Coordinate("a", "b", "c", "e", ti_id="d"))
@example(Coordinate("\u00e9", "a", "b", "c"), Coordinate("e\u0301", "a", "b", "c"))
@example(Coordinate("\ud83d\ude00", "a", "b", "c"), Coordinate("\U0001f600", "a", "b", "c"))
def test_two_coordinates_share_a_hash_exactly_if_they_differ_in_map_index_alone(
    one: Coordinate, other: Coordinate
) -> None:
    assert (redis_names.hash_name("p", one) == redis_names.hash_name("p", other)) == (ids_of(one) == ids_of(other))


@given(IDS, IDS, IDS, IDS, st.integers(0, 3))
def test_moving_a_character_from_one_id_to_the_next_changes_the_name(
    dag_id: str, run_id: str, task_id: str, key: str, which: int
) -> None:
    ids: list[Any] = [dag_id, run_id, task_id, key]
    moved = list(ids)
    following = (which + 1) % 4
    moved[which], moved[following] = ids[which][:-1], ids[which][-1:] + ids[following]

    same_name = redis_names.hash_name("p", Coordinate(*ids)) == redis_names.hash_name("p", Coordinate(*moved))

    assert same_name == (ids == moved)


@given(COORDINATES)
def test_a_name_has_no_character_that_redis_or_a_cluster_gives_a_meaning(at: Coordinate) -> None:
    name = redis_names.hash_name("p", at)

    assert set(name) <= set(string.ascii_letters + string.digits + "_.~-%:")
    assert name.count(":") == (4 if at.ti_id is None else 5)


def test_the_prefix_is_used_as_it_is() -> None:
    assert redis_names.hash_name("team:a", Coordinate("d", "r", "t", "k")) == "team:a:d:r:t:k"


def test_a_task_instance_has_a_hash_of_its_own() -> None:
    assert redis_names.hash_name("xcom", Coordinate("d", "r", "t", "k", ti_id="0190")) == "xcom:d:r:t:ti-0190:k"


def test_an_airflow_run_id_stays_readable() -> None:
    at = Coordinate("etl", "scheduled__2026-01-01T00:00:00+00:00", "extract", "return_value")

    assert (
        redis_names.hash_name("xcom", at)
        == "xcom:etl:scheduled__2026-01-01T00%3A00%3A00%2B00%3A00:extract:return_value"
    )


VERSIONS = st.text("0123456789abcdef", min_size=32, max_size=32)
INDEXES = st.integers(-1, 100_000)


def fields_of(map_index: int, version: str, parts: int) -> list[str]:
    return [
        redis_names.field_name(map_index),
        redis_names.rule_name(map_index),
        redis_names.claim_name(map_index),
        redis_names.committed_name(map_index),
        redis_names.description_name(map_index),
        redis_names.parts_name(map_index),
        redis_names.spilled_name(map_index),
        *(redis_names.part_name(map_index, version, number) for number in range(parts)),
    ]


@given(INDEXES, INDEXES, VERSIONS, VERSIONS)
def test_no_field_of_one_map_index_is_a_field_of_another_or_the_rule(
    one: int, other: int, version: str, other_version: str
) -> None:
    fields, others = fields_of(one, version, 12), fields_of(other, other_version, 12)

    assert len(set(fields)) == len(fields)
    assert redis_names.ACL_FIELD not in fields
    assert one == other or not set(fields) & set(others)


@given(INDEXES, VERSIONS, VERSIONS)
def test_versions_have_no_part_in_common(map_index: int, version: str, other: str) -> None:
    parts = {redis_names.part_name(map_index, version, number) for number in range(12)}
    others = {redis_names.part_name(map_index, other, number) for number in range(12)}

    assert version == other or not parts & others


@given(COORDINATES)
def test_no_xcom_has_the_name_of_the_api_servers_hash(at: Coordinate) -> None:
    assert redis_names.hash_name("p", at) != redis_names.servers_name("p")
    assert redis_names.servers_name("p").startswith("p:")


@pytest.mark.parametrize(("map_index", "field"), [(-1, "-1"), (0, "0"), (12, "12")])
def test_a_field_is_the_map_index_in_digits(map_index: int, field: str) -> None:
    assert redis_names.field_name(map_index) == field
