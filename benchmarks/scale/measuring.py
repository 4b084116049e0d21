"""Run the programs of `benchmarks.scale` one after the other, as sections of `make bench-growth`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.scale.program import found_by

if TYPE_CHECKING:
    from collections.abc import Callable

#: Each section has the name of its program.
NAMES = ("xcoms", "mapped", "pullers")


def of(name: str) -> Callable[..., dict[str, Any]]:
    """Return what measures a section. The programs start a Redis of their own."""

    def measure(_url: str, *, quick: bool) -> dict[str, Any]:
        return found_by(name, quick=quick)

    return measure
