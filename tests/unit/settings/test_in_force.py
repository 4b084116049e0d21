"""Which settings are in force, and where each comes from, without any secret."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exclusive_redis_xcom.crypto import generate_seal_keys
from exclusive_redis_xcom.settings import OPTIONS, SECTION, load_settings
from exclusive_redis_xcom.settings.in_force import InForce, in_force
from exclusive_redis_xcom.settings.sources import PREFIX, airflow_conf

PUBLIC, PRIVATE = generate_seal_keys()
CANARY = "canary-p4ssword"


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def found() -> dict[str, InForce]:
    everything = {setting.option: setting for setting in in_force(load_settings())}
    assert CANARY not in repr(everything)
    assert PRIVATE not in repr(everything)
    return everything


def test_all_options_are_there_in_the_order_of_the_table_and_come_from_defaults() -> None:
    everything = found()

    assert list(everything) == [option.name for option in OPTIONS]
    assert everything["ttl_seconds"] == InForce("ttl_seconds", "604800", "default")
    assert everything["mode"] == InForce("mode", "enforce", "default")
    assert everything["redis_url"] == InForce("redis_url", "", "default")
    assert everything["seal_private_keys"] == InForce("seal_private_keys", "", "default")


def test_a_value_in_force_is_the_one_that_the_setting_has() -> None:
    defaults = found()
    shown = {name: setting.value for name, setting in defaults.items()}

    for option in OPTIONS:
        if option.default and not option.sensitive:
            assert shown[option.name] in (option.default, str(option.read(option.default)))


@pytest.mark.parametrize(
    ("suffix", "value", "shown"),
    [
        ("", f"redis://user:{CANARY}@redis.example:6379/0", "redis.example:6379 (login not shown)"),
        ("_CMD", f"echo redis://user:{CANARY}@redis.example:6379/0", "redis.example:6379 (login not shown)"),
    ],
)
def test_the_environment_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, suffix: str, value: str, shown: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}REDIS_URL{suffix}", value)

    assert found()["redis_url"] == InForce("redis_url", shown, f"{PREFIX}REDIS_URL{suffix}")


def test_keys_are_named_by_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}SEAL_PUBLIC_KEY", PUBLIC)
    monkeypatch.setenv(f"{PREFIX}SEAL_PRIVATE_KEYS", PRIVATE)

    everything = found()

    key_id = load_settings().seal_private_keys.key_ids[0]
    assert (everything["seal_public_key"].value, everything["seal_private_keys"].value) == (key_id, key_id)


@pytest.mark.parametrize("other", ["", "environment"])
def test_the_file_is_named_unless_the_environment_wins(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    conf = airflow_conf()
    if not conf.has_section(SECTION):
        conf.add_section(SECTION)
    conf.set(SECTION, "ttl_seconds", "60")
    try:
        if other:
            monkeypatch.setenv(f"{PREFIX}TTL_SECONDS", "70")
        setting = found()["ttl_seconds"]
    finally:
        conf.remove_option(SECTION, "ttl_seconds")

    expected = ("70", f"{PREFIX}TTL_SECONDS") if other else ("60", "ttl_seconds in airflow.cfg")
    assert (setting.value, setting.source) == expected


def test_where_the_settings_cannot_be_read_only_their_sources_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}REDIS_CONN_ID", f"redis://user:{CANARY}@host")

    everything = {setting.option: setting for setting in in_force(None)}

    assert everything["redis_conn_id"] == InForce("redis_conn_id", "", f"{PREFIX}REDIS_CONN_ID")
    assert CANARY not in repr(everything)
