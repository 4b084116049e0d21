"""What this package tells Airflow about itself, held against Airflow's own schema."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest

from exclusive_redis_xcom.airflow.provider_info import get_provider_info


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft7Validator:
    schema = json.loads(resources.files("airflow").joinpath("provider_info.schema.json").read_text())
    return jsonschema.Draft7Validator(schema)


def test_the_provider_info_follows_airflows_schema(validator: jsonschema.Draft7Validator) -> None:
    assert list(validator.iter_errors(get_provider_info())) == []


@pytest.mark.parametrize("damage", [{"package-name": None}, {"name": 1}, {"config": {"section": {"options": []}}}])
def test_airflows_schema_notices_a_wrong_one(validator: jsonschema.Draft7Validator, damage: dict[str, Any]) -> None:
    assert list(validator.iter_errors(get_provider_info() | damage)) != []
