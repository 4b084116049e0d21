"""Find settings that nobody reads because a name is misspelt. Such a setting would protect nothing, silently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.first_line import fitted
from exclusive_redis_xcom.settings.options import OPTIONS
from exclusive_redis_xcom.settings.sources import PREFIX, SECTION

if TYPE_CHECKING:
    from collections.abc import Iterable

#: How an error names a variable.
_VARIABLE = "Environment variable {}"

#: Connections and variables may have any name.
_NO_SECTIONS = ("AIRFLOW_CONN_", "AIRFLOW_VAR_")

#: From here on a section's name is taken for a misspelt one of ours (`difflib`'s ratio).
_CLOSE = 0.8

_NAMES = {option.name for option in OPTIONS}
_INDIRECT = ("_cmd", "_secret")
_ACCEPTED = _NAMES | {option.name + ending for option in OPTIONS if option.sensitive for ending in _INDIRECT}


def require_known(variables: Iterable[str], sections: Iterable[str], options: Iterable[str]) -> None:
    """Check the names of everything that is set. No value is looked at.

    Args:
        variables: The names of environment variables that begin with "AIRFLOW", in any case.
        sections: The sections of airflow.cfg.
        options: What airflow.cfg has in our section.

    Raises:
        ConfigurationError: A name is wrong. The text names it, and the right one if there is a close one.
    """
    for option in options:
        if option not in _ACCEPTED:
            raise _wrong(f"[{SECTION}] {{}} in airflow.cfg", option, *_why(option))
    for section in sections:
        if section != SECTION and _is_close(section):
            raise _wrong("[{}] in airflow.cfg", section, "nothing reads this section.", f"Did you mean [{SECTION}]?")
    for variable in variables:
        if not variable.startswith(PREFIX):
            _require_anothers(variable)
        elif (option := variable.removeprefix(PREFIX)).lower() not in _ACCEPTED:
            raise _wrong(_VARIABLE, variable, *_why(option.lower(), PREFIX))
        elif option != option.upper():
            raise _misspelt(variable, option)


def _wrong(place: str, name: str, decision: str, remedy: str) -> ConfigurationError:
    """Make the error about a name. The first line shortens a long name, and then a line of its own has the whole."""
    first = fitted(lambda short: f"{place.format(short(name))}: {decision}")
    return ConfigurationError("\n".join((first, *(() if name in first else (f"The name is {name}.",)), remedy)))


def _why(option: str, prefix: str = "") -> tuple[str, str]:
    for ending in _INDIRECT:
        if (name := option.removesuffix(ending)) != option and name in _NAMES:
            remedy = f"Airflow reads '{ending}' for sensitive options only. Set {_written(name, prefix)} itself."
            return f"the option takes no '{ending}'.", remedy
    close = _closest(option)
    advice = f"Did you mean {_written(close, prefix)}?" if close else f"The options are {', '.join(sorted(_NAMES))}."
    return "there is no such option.", advice


def _require_anothers(variable: str) -> None:
    """Refuse a variable that Airflow does not read for our section, if it was probably meant to be."""
    if not _may_be_ours(variable) or variable.startswith(_NO_SECTIONS):
        return
    squeezed = _squeezed(variable).removeprefix(_squeezed(PREFIX))
    section, _, option = variable.upper().removeprefix("AIRFLOW").strip("_").partition("__")
    if squeezed in {_squeezed(name) for name in _ACCEPTED}:
        raise _misspelt(variable, next(name for name in _ACCEPTED if _squeezed(name) == squeezed))
    if _is_close(section):
        raise _misspelt(variable, _closest(option.lower()) or option)


def _misspelt(variable: str, option: str) -> ConfigurationError:
    return _wrong(_VARIABLE, variable, "Airflow does not read it.", f"Did you mean {_written(option, PREFIX)}?")


def _written(option: str, prefix: str) -> str:
    return prefix + option.upper() if prefix else option


def _squeezed(name: str) -> str:
    return name.upper().replace("_", "")


def _is_close(section: str) -> bool:
    if not _may_be_ours(section):
        return False
    import difflib

    return difflib.SequenceMatcher(None, SECTION, section.lower()).ratio() >= _CLOSE


def _may_be_ours(name: str) -> bool:
    """Spare nearly all names the comparison: it takes long, and every task reads the settings."""
    return "XCOM" in (upper := name.upper()) or "EXCLUSIVE" in upper


def _closest(option: str) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(option, sorted(_ACCEPTED), n=1)), None)
