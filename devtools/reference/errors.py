"""The table of errors, from the docstrings of `errors.py`."""

from __future__ import annotations

from devtools.reference.docstring import docstring_of
from devtools.reference.markdown import table
from exclusive_redis_xcom import errors

_DO = "What to do: "

#: Where more is said about an error.
_MORE = {
    "XComExpired": "[large-values.md](large-values.md) describes values in object storage.",
    "XComNotSerializable": "See [values.md](values.md), and [your own classes](values.md#your-own-classes).",
    "XComNotImportable": "See [your own classes](values.md#your-own-classes).",
    "InvalidAcl": "See [acl.md](acl.md).",
    "InvalidReference": "See [known limits](known-limits.md#cases-to-know) for keys that share a row.",
    "StoreUnavailable": "See [what each text means](redis.md#when-it-fails), and the same for "
    "[large values](large-values.md#when-it-fails).",
    "ConfigurationError": "See [settings.md](settings.md).",
}


def all_errors() -> list[type[errors.ExclusiveXComError]]:
    """Return all errors but their base, in the order of the module."""
    base = errors.ExclusiveXComError
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, base)]
    return [kind for kind in kinds if kind is not base]


def table_of_errors() -> str:
    """Return a table of all errors: when each is raised, and what to do."""
    return table(("Error", "When", "What to do"), map(_row, all_errors()))


def _row(error: type[errors.ExclusiveXComError]) -> tuple[str, str, str]:
    # The builtin, or the error of ours that it refines.
    above = next(kind.__name__ for kind in error.__bases__ if kind is not errors.ExclusiveXComError)
    when, _, do = " ".join(docstring_of(error).text.split()).partition(_DO)
    if not do:
        raise ValueError(f"the docstring of {error.__name__} has no paragraph {_DO!r}")
    return f"`{error.__name__}` (`{above}`)", when.strip(), f"{do} {_MORE.get(error.__name__, '')}".strip()
