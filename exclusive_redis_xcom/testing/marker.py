"""The marker `exclusive_xcom`: what a test chooses instead of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from exclusive_redis_xcom.acl import POLICY_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The settings that a test may choose, and their words.
CHOICES: dict[str, tuple[str, ...]] = {
    "enforcement": ("worker", "server"),
    "mode": ("enforce", "report"),
    "default_consumers": tuple(sorted(POLICY_WORDS)),
}

#: How pytest lists the marker.
MARKER = (
    "exclusive_xcom(enforcement, mode, default_consumers): settings of exclusive-redis-xcom for the fixture "
    "exclusive_xcom in this test"
)


class Mark(Protocol):
    """A marker, as pytest hands it out."""

    @property
    def args(self) -> tuple[object, ...]:
        """The arguments without names."""

    @property
    def kwargs(self) -> Mapping[str, object]:
        """The arguments with names."""


def choices(marks: Iterable[Mark]) -> dict[str, str]:
    """Return the settings that markers choose.

    Args:
        marks: The markers of a test, the closest first. The closest decides about a setting.

    Raises:
        ValueError: A setting or its word is none that there is.
    """
    found: dict[str, str] = {}
    for mark in marks:
        if mark.args:
            raise ValueError(
                f"The marker exclusive_xcom takes arguments with names only.\nThe names are {', '.join(CHOICES)}."
            )
        for name, word in mark.kwargs.items():
            if name not in CHOICES:
                raise ValueError(f"The marker exclusive_xcom has no argument '{name}'.\nIt takes {', '.join(CHOICES)}.")
            if word not in CHOICES[name]:
                raise ValueError(
                    f"The marker exclusive_xcom takes no {name} = {word!r}.\nIt takes {', '.join(CHOICES[name])}."
                )
            found.setdefault(name, str(word))
    return found
