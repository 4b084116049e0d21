"""The navigation, as `mkdocs.yml` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Title -> the page's place, or a list of such entries.
Entry = dict[str, Any] | str


class _Loader(yaml.SafeLoader):
    """Reads `mkdocs.yml`, and leaves out the functions of Python that it names."""


_Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def parts(config: str) -> dict[str, list[Entry]]:
    """Return the entries of each part of the navigation, by the part's title. A page of its own is a part.

    Args:
        config: The text of `mkdocs.yml`.
    """
    nav: list[dict[str, Any]] = yaml.load(config, Loader=_Loader)["nav"]  # noqa: S506 - a SafeLoader
    return {title: entries for part in nav for title, entries in part.items()}


def places(config: str) -> Iterator[str]:
    """Yield the place of each page in the navigation."""
    for entries in parts(config).values():
        yield from _places(entries)


def _places(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for inner in entry.values() if isinstance(entry, dict) else entry:
            yield from _places(inner)
