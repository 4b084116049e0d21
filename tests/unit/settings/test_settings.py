"""Section `exclusive_redis_xcom` of Airflow's configuration, read through Airflow itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from devtools.components import OURS
from exclusive_redis_xcom.airflow.provider_info import get_provider_info
from exclusive_redis_xcom.crypto import generate_encryption_key
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.settings import OPTIONS, SECTION, load_settings
from exclusive_redis_xcom.settings.loading import _airflow_configuration
from tests.unit.sealed_reference import PRIVATE_TEXT, PUBLIC_TEXT
from tests.unit.vault import URL

SECRET = "canary-2718"
ENCRYPTION_TEXT = generate_encryption_key()


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def configure(monkeypatch: pytest.MonkeyPatch, option: str, value: str) -> None:
    monkeypatch.setenv(f"AIRFLOW__{SECTION.upper()}__{option.upper()}", value)


def test_the_defaults_hold_without_any_configuration() -> None:
    settings = load_settings()

    assert settings.redis_url is None
    assert settings.redis_conn_id == "redis_default"
    assert settings.ttl == timedelta(days=7)
    assert (settings.default_consumers, settings.mode) == ("same_dag", "enforce")
    assert settings.max_value_bytes == 128 * 1024 * 1024
    assert (settings.connect_timeout, settings.read_timeout, settings.retry_deadline) == (2.0, 5.0, 20.0)


def test_an_environment_variable_sets_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, "ttl_seconds", "60")

    assert load_settings().ttl == timedelta(minutes=1)


@pytest.fixture
def airflow_cfg() -> Iterator[Callable[[str], None]]:
    """Adds lines to the section as airflow.cfg has them."""
    conf = _airflow_configuration()
    yield lambda lines: conf.read_string(f"[{SECTION}]\n{lines}\n")
    for section in {SECTION, "exclusive_redis_xcoms", "Exclusive_Redis_XCom"} & {*conf.sections()}:
        conf.remove_section(section)
    conf.defaults().clear()


def test_airflow_cfg_sets_options_and_the_environment_wins(
    airflow_cfg: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow_cfg("ttl_seconds = 60\nkey_prefix = of-the-file")
    configure(monkeypatch, "key_prefix", "of-the-environment")

    assert load_settings().ttl == timedelta(minutes=1)
    assert load_settings().key_prefix == "of-the-environment"
    assert load_settings().mode == "enforce"


def test_airflow_cfg_can_name_a_command(airflow_cfg: Callable[[str], None]) -> None:
    airflow_cfg("redis_url_cmd = echo redis://from-a-command:6379/0")

    assert load_settings().redis_url == "redis://from-a-command:6379/0"


@pytest.mark.parametrize("name", [option.name for option in OPTIONS])
def test_what_is_not_set_is_what_airflow_says_it_is(name: str) -> None:
    default = next(option.default for option in OPTIONS if option.name == name)

    assert _airflow_configuration().get(SECTION, name) == default


@pytest.mark.parametrize("name", [option.name for option in OPTIONS if not option.sensitive])
def test_a_command_is_only_for_what_is_sensitive(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, f"{name}_cmd", "echo no-value-of-any-option:/@")

    with pytest.raises(ConfigurationError, match=rf"sensitive options only\. Set {OURS}{name.upper()} itself"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        (f"{OURS}DEFAULT_CONSUMER", "DEFAULT_CONSUMERS"),
        (f"{OURS}ENFORCMENT", "ENFORCEMENT"),
        (f"{OURS}SEAL_PRIVATE_KEY_CMD", "SEAL_PRIVATE_KEYS_CMD"),
        (f"{OURS}mode", "MODE"),
        ("AIRFLOW__EXCLUSIVE_REDIS_XCOMS__MODE", "MODE"),
        ("AIRFLOW__EXCLUSIVE_REDIS_XCOM_MODE", "MODE"),
        ("AIRFLOW__EXCLUSIVE_REDIS_XCOM_SEAL_PRIVATE_KEYS", "SEAL_PRIVATE_KEYS"),
        ("AIRFLOW_EXCLUSIVE_REDIS_XCOM__MODE", "MODE"),
        ("airflow__exclusive_redis_xcom__mode", "MODE"),
        ("AIRFLOW__EXCLUSVE_REDIS_XCOM__DEFAULT_CONSUMER", "DEFAULT_CONSUMERS"),
        ("AIRFLOW__EXCLUSIVE_XCOM__TTL_SECONDS", "TTL_SECONDS"),
    ],
)
def test_a_misspelt_variable_is_an_error_that_names_the_right_one_and_no_value(
    variable: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, SECRET)

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    assert str(caught.value).startswith(f"Environment variable {variable}: ")
    assert f"Did you mean {OURS}{meant}?" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_unknown_option_that_resembles_none_is_an_error_that_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OURS}FLAVOUR", "vanilla")

    with pytest.raises(ConfigurationError, match=r": there is no such option\.\nThe options are .*, ttl_seconds"):
        load_settings()


def test_a_long_name_stands_whole_below_the_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{OURS}SPILL_THRESHOLD_BYTES_OF_VALUES", "5")

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    first, name, remedy = str(caught.value).splitlines()
    assert len(first) <= 100
    assert first.startswith("Environment variable AIRFLOW__")
    assert first.endswith(": there is no such option.")
    assert name == f"The name is {OURS}SPILL_THRESHOLD_BYTES_OF_VALUES."
    assert remedy == f"Did you mean {OURS}SPILL_THRESHOLD_BYTES?"


def test_a_ttl_with_a_unit_is_told_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, "ttl_seconds", "1h")

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    assert str(caught.value).splitlines()[:2] == [
        "[exclusive_redis_xcom] ttl_seconds: '1h' is not accepted.",
        "The option takes a whole number from 1 to 315360000. Write 3600 for '1h'.",
    ]


@pytest.mark.parametrize(
    "variable",
    [
        "AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH",
        "AIRFLOW__REDIS_XCOM__URL",
        "AIRFLOW__XCOM__MODE",
        "AIRFLOW__MY_EXCLUSIVE_SECTION__MODE",
        "AIRFLOW_CONN_EXCLUSIVE_REDIS_XCOM",
        "AIRFLOW_VAR_EXCLUSIVE_REDIS_XCOM",
        "EXCLUSIVE_XCOM_DOCTOR_REDIS_URL",
    ],
)
def test_variables_of_others_are_left_alone(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unset = load_settings()
    load_settings.cache_clear()
    monkeypatch.setenv(variable, "redis://elsewhere:6379/0")

    assert load_settings() == unset


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            "default_consumer = nobody",
            "default_consumer in airflow.cfg: there is no such option.\nDid you mean default_",
        ),
        (
            "ttl_seconds_secret = place",
            "ttl_seconds_secret in airflow.cfg: the option takes no '_secret'.\nAirflow reads '_secret' for",
        ),
        (
            "[exclusive_redis_xcoms]\nmode = report",
            "[exclusive_redis_xcoms] in airflow.cfg: nothing reads this section.\nDid you mean [exclusive_",
        ),
        (
            "[Exclusive_Redis_XCom]\nmode = report",
            "[Exclusive_Redis_XCom] in airflow.cfg: nothing reads this section.\nDid you mean [exclusive_",
        ),
    ],
)
def test_a_misspelt_name_in_airflow_cfg_is_an_error(airflow_cfg: Callable[[str], None], lines: str, text: str) -> None:
    airflow_cfg(lines)

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    assert text in str(caught.value)


def test_what_airflow_cfg_says_for_all_sections_is_no_option_of_ours(airflow_cfg: Callable[[str], None]) -> None:
    airflow_cfg("mode = report\n[DEFAULT]\nflavour = vanilla")

    assert load_settings().mode == "report"


def test_a_secret_url_can_come_from_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, "redis_url_cmd", "echo redis://from-a-command:6379/0")

    assert load_settings().redis_url == "redis://from-a-command:6379/0"


def test_a_secret_url_can_come_from_a_secrets_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "tests.unit.vault.Vault")
    configure(monkeypatch, "redis_url_secret", "xcom/redis-url")

    assert load_settings().redis_url == URL


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("redis_conn_id", ""),
        ("ttl_seconds", "0"),
        ("ttl_seconds", "a week"),
        ("ttl_seconds", "1e3"),
        ("ttl_seconds", "99999999999"),
        ("default_consumers", "everyone"),
        ("default_consumers", "Same_Dag"),
        ("mode", "warn"),
        ("enforcement", "both"),
        ("seal", "some"),
        ("mask", "yes"),
        ("audit", "everything"),
        ("audit_strict", "maybe"),
        ("allow_plaintext_read", "yes please"),
        ("key_prefix", "with space"),
        ("key_prefix", "{slot}"),
        ("key_prefix", "star*"),
        ("max_value_bytes", "0"),
        ("max_value_bytes", str(2048 * 1024 * 1024)),
        ("compression", "gzip"),
        ("connect_timeout", "0"),
        ("connect_timeout", "nan"),
        ("read_timeout", "inf"),
        ("retry_deadline", "-1"),
    ],
)
def test_a_wrong_value_is_named_with_section_option_and_what_is_accepted(
    monkeypatch: pytest.MonkeyPatch, option: str, value: str
) -> None:
    configure(monkeypatch, option, value)

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    accepted = next(o.accepted for o in OPTIONS if o.name == option)
    assert str(caught.value) == (
        f"[{SECTION}] {option}: {value!r} is not accepted.\n"
        f"The option takes {accepted}.\n"
        f"Set {option} in section [exclusive_redis_xcom] of airflow.cfg, or "
        f"AIRFLOW__EXCLUSIVE_REDIS_XCOM__{option.upper()} in the environment."
    )


@pytest.mark.parametrize(
    "place", ["/var/lib/xcoms", f"s3://key:{SECRET}@bucket/xcoms", f"s3://key:a/{SECRET}@bucket/x"]
)
def test_a_place_for_large_values_is_a_url_without_a_password(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    configure(monkeypatch, "spill_path", place)

    with pytest.raises(ConfigurationError, match="a URL for ObjectStoragePath without a password") as caught:
        load_settings()

    assert SECRET not in str(caught.value)


def test_the_settings_do_not_show_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, "redis_url", f"redis://user:{SECRET}@localhost/0")

    assert SECRET not in repr(load_settings())


def test_airflow_is_told_every_option_with_description_type_and_default() -> None:
    declared = get_provider_info()["config"][SECTION]["options"]

    assert set(declared) == {option.name for option in OPTIONS}
    assert all(entry["description"] and entry["type"] and entry["default"] is not None for entry in declared.values())


def test_options_that_may_hold_a_password_are_declared_sensitive() -> None:
    declared = get_provider_info()["config"][SECTION]["options"]

    assert [name for name, entry in declared.items() if entry["sensitive"]] == [
        "redis_url",
        "seal_private_keys",
        "encryption_keys",
    ]


def test_server_enforcement_is_configured_with_keys_from_keygen(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, "enforcement", "server")
    configure(monkeypatch, "seal_public_key", PUBLIC_TEXT)
    configure(monkeypatch, "seal_private_keys_cmd", f"echo {PRIVATE_TEXT}")

    settings = load_settings()

    assert settings.by_server
    assert settings.seal_public_key == settings.seal_private_keys.public


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("seal_public_key", PRIVATE_TEXT),
        ("seal_private_keys", PUBLIC_TEXT),
        ("encryption_keys", PRIVATE_TEXT),
        ("seal_private_keys", f"{PRIVATE_TEXT}, {SECRET}"),
        ("seal_public_key", PRIVATE_TEXT[4:]),
    ],
    ids=["private for public", "public for private", "private for encryption", "with another text", "cut"],
)
def test_a_key_in_the_wrong_place_is_explained_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, option: str, text: str
) -> None:
    configure(monkeypatch, option, text)

    with pytest.raises(ConfigurationError, match="What is wrong") as caught:
        load_settings()

    shown = f"{caught.value!r} {caught.value.__cause__!r}"
    assert not any(part in shown for part in (text, text[-12:], SECRET))


def test_the_settings_do_not_show_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, "seal_private_keys", PRIVATE_TEXT)
    configure(monkeypatch, "encryption_keys", ENCRYPTION_TEXT)

    shown = repr(load_settings())

    assert not any(text[8:] in shown for text in (PRIVATE_TEXT, ENCRYPTION_TEXT))


@pytest.mark.parametrize(("text", "value"), [("True", True), ("t", True), ("1", True), ("false", False), ("0", False)])
def test_yes_and_no_are_written_as_elsewhere_in_airflow(
    monkeypatch: pytest.MonkeyPatch, text: str, value: bool
) -> None:
    configure(monkeypatch, "audit_strict", text)

    assert load_settings().audit_strict is value
