"""Read and check the section, once per process and never at import."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.acl.durations import seconds_meant
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.model import one_line
from exclusive_redis_xcom.settings.options import OPTIONS, Option
from exclusive_redis_xcom.settings.sources import PREFIX, SECTION, airflow_conf, options_in_file, where_to_set
from exclusive_redis_xcom.settings.unknown import require_known
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from exclusive_redis_xcom.crypto import EncryptionKeys, SealPrivateKeys, SealPublicKey

#: Characters of a wrong value that are shown.
_SHOWN = 40
_MAY_BE_URL = re.compile(r"[:/@]")


@dataclass(frozen=True, slots=True)
class Settings:
    """The section's values, checked and with units. `repr` shows no key, and not the URL: it may hold a password."""

    redis_url: str | None = field(repr=False)
    redis_conn_id: str
    ttl: timedelta
    default_consumers: str
    report_consumers: str | None
    mode: str
    enforcement: str
    key_prefix: str
    max_value_bytes: int
    compression: str
    direct_pulls: str
    spill_path: str | None
    spill_threshold_bytes: int
    connect_timeout: float
    read_timeout: float
    retry_deadline: float
    seal: str
    seal_public_key: SealPublicKey | None
    seal_private_keys: SealPrivateKeys = field(repr=False)
    encryption_keys: EncryptionKeys = field(repr=False)
    allow_plaintext_read: bool
    mask: str
    audit: str
    audit_strict: bool
    observe: str
    describe: str
    ui_reveal: str
    format: int
    #: What is recorded: `observe`, with "auto" replaced. It is a field because each pull asks.
    records: str = field(init=False)

    def __post_init__(self) -> None:
        by_mode = "reads" if self.reports_only else "refusals"
        object.__setattr__(self, "records", by_mode if self.observe == "auto" else self.observe)

    @property
    def by_server(self) -> bool:
        """Whether the API server decides, and values are sealed to its key (`enforcement = server`)."""
        return self.enforcement == "server"

    @property
    def pulls_directly(self) -> bool:
        """Whether tasks may read Redis first, while API servers watch the values there (`direct_pulls`).

        With `enforcement = server` they never may: whoever has the Redis password could replace a sealed value by a
        plain one. Only the reference tells that a value was pushed sealed, and the API server hands out references.
        """
        return self.direct_pulls == "auto" and not self.by_server

    @property
    def reports_only(self) -> bool:
        """Whether a refusal is only logged and counted (`mode = report`)."""
        return self.mode == "report"


@functools.cache
@errors_without_locals
def load_settings() -> Settings:
    """Read the section once per process.

    Raises:
        ConfigurationError: An option's value is not accepted. The text names section, option and what is accepted, and
            shows the value unless the option is sensitive. Or an option is set that does not exist.
    """
    conf = _airflow_configuration()
    given = _given(conf, [name for name in os.environ if name[:7].upper() == "AIRFLOW"])
    values = {option.name: _read(option, _configured(conf, option, given)) for option in OPTIONS}
    values["ttl"] = timedelta(seconds=values.pop("ttl_seconds"))
    return Settings(**values)


def option_now(name: str) -> Any:
    """Read one option anew. Its `_cmd` runs again, and its `_secret` is asked for again.

    Raises:
        ConfigurationError: As for `load_settings`.
    """
    option = next(option for option in OPTIONS if option.name == name)
    return _read(option, _configured(_airflow_configuration(), option, None))


def _read(option: Option, text: str) -> Any:
    try:
        return option.read(text)
    except ValueError as error:
        shown = option.shown or not (option.sensitive or option.explains or _MAY_BE_URL.search(text))
        given = repr(one_line(text, _SHOWN)) if shown else "the value given (not shown)"
        why = f" What is wrong: {str(error).rstrip('.')}." if option.explains and str(error) else ""
        meant = seconds_meant(text) if option.name == "ttl_seconds" else None
        why += f" Write {meant} for {given}." if meant else ""
        raise ConfigurationError(
            f"[{SECTION}] {option.name}: {given} is not accepted.\n"
            f"The option takes {option.accepted}.{why}\n"
            f"Set {where_to_set(option.name)}."
        ) from None


def _configured(conf: Any, option: Option, given: set[str] | None) -> str:
    """Return an option's text. Airflow is asked only for options that are set: 25 questions take longer than a pull."""
    # A name that begins with the option's may be its _cmd or _secret. Another option's name costs a needless question.
    if given is not None and not any(name.startswith(option.name) for name in given):
        return option.default
    text = conf.get(SECTION, option.name, fallback=option.default)
    return option.default if text is None else str(text).strip()


def _given(conf: Any, variables: list[str]) -> set[str] | None:
    """Return the names that environment and airflow.cfg set in the section; None where nothing tells them.

    There is no other place. Airflow asks a command or a secrets backend only where `..._cmd` or `..._secret` is set.

    Raises:
        ConfigurationError: One of the names is not an option's.
    """
    of_file = options_in_file(conf)
    require_known(variables, () if of_file is None else conf.sections(), sorted(of_file or ()))
    if of_file is None:
        return None
    return of_file | {name.removeprefix(PREFIX).lower() for name in variables if name.startswith(PREFIX)}


def _airflow_configuration() -> Any:
    """Return Airflow's configuration object, which knows the options that providers declare.

    Airflow 3.1 has one object for everything, and only its command line makes the object read these declarations.
    Without them, _CMD and _SECRET are ignored.
    """
    conf = airflow_conf()
    if type(conf).__module__ == "airflow.configuration":
        from airflow.providers_manager import ProvidersManager

        ProvidersManager().initialize_providers_configuration()
    return conf
