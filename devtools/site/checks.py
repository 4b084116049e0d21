"""Faults of a built site that `zensical build --strict` accepts.

Release 0.0.73 looks at links to pages and to their anchors. It accepts a picture or another file that does not exist,
and a page that the navigation does not have. Of an entry of the navigation without a page, it makes a dead link.
"""

from __future__ import annotations

import json
import posixpath
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from devtools.site.built_page import BuiltPage, read_page
from devtools.site.navigation import places
from devtools.site.pages import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RAW = {
    "a table": re.compile(r"\|[ :]*-{3,}"),
    "code": re.compile(r"`"),
    "a link": re.compile(r"\]\(|\]\["),
    "emphasis": re.compile(r"\*\*"),
    "a note": re.compile(r"\[![A-Z]+\]"),
    "a list": re.compile(r"\n *(?:[-*+]|\d+\.) "),
    "a heading": re.compile(r"\n *#{1,6} "),
}
_LOADED_BY_CSS = re.compile(r"""(?:@import\s+|url\()["']?((?:https?:)?//[^"')\s]+)""")


def faults(site: Path, config: str) -> Iterator[str]:
    """Find what is wrong with a built site.

    Args:
        site: The folder with the built site.
        config: The text of `mkdocs.yml`.
    """
    pages = {path.relative_to(site).as_posix(): read_page(path) for path in sorted(site.rglob("*.html"))}
    yield from dead_links(site, pages)
    yield from foreign_addresses(site, pages)
    yield from gaps_in_navigation(pages, config)
    yield from raw_markdown(pages)
    yield from pages_without_search(site, pages)


def dead_links(site: Path, pages: dict[str, BuiltPage]) -> Iterator[str]:
    """Find links, anchors and pictures that lead nowhere."""
    for name, page in pages.items():
        for address in dict.fromkeys([*page.links, *page.loaded]):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or (name == "404.html" and parts.path.startswith("/")):
                continue
            target = (site / name).parent / unquote(parts.path) if parts.path else site / name
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                yield f"{name}: {address} does not exist"
            elif parts.fragment and target.suffix == ".html":
                known = pages[target.resolve().relative_to(site.resolve()).as_posix()].ids
                if unquote(parts.fragment) not in known:
                    yield f"{name}: {address} has no such anchor"


def foreign_addresses(site: Path, pages: dict[str, BuiltPage]) -> Iterator[str]:
    """Find what a browser loads from another host."""
    for name, page in pages.items():
        for address in page.loaded:
            if urlsplit(address).netloc:
                yield f"{name}: {address} is on another host"
    for style in sorted(site.rglob("*.css")):
        for address in _LOADED_BY_CSS.findall(style.read_text(encoding="utf-8")):
            yield f"{style.relative_to(site).as_posix()}: {address} is on another host"


def gaps_in_navigation(pages: dict[str, BuiltPage], config: str) -> Iterator[str]:
    """Find pages that the navigation does not have, and entries without a page. Pages of source files need no entry."""
    listed = {posixpath.normpath(address) for address in pages["index.html"].navigation} | {"index.html"}
    for name in pages:
        if name not in listed and name != "404.html" and not name.startswith(f"{SOURCE}/"):
            yield f"mkdocs.yml: the navigation lacks {name.removesuffix('.html')}.md"
    for entry in places(config):
        if entry.removesuffix(".md") + ".html" not in pages:
            yield f"mkdocs.yml: there is no page {entry}"


def raw_markdown(pages: dict[str, BuiltPage]) -> Iterator[str]:
    """Find Markdown that the reader sees as it was written."""
    for name, page in pages.items():
        for text in page.prose:
            for what, pattern in _RAW.items():
                if pattern.search(text):
                    yield f"{name}: {what} is not rendered: {' '.join(text.split())[:80]!r}"


def pages_without_search(site: Path, pages: dict[str, BuiltPage]) -> Iterator[str]:
    """Find pages whose last word of prose is not in the search index."""
    index: dict[str, str] = {}
    for item in json.loads((site / "search.json").read_text(encoding="utf-8"))["items"]:
        name = item["location"].partition("#")[0] or "index.html"
        index[name] = f"{index.get(name, '')} {item['title']} {item['text']}"
    for name, page in pages.items():
        words = re.findall(r"\w{4,}", " ".join(page.prose))
        if words and words[-1] not in index.get(name, "") and not name.startswith((f"{SOURCE}/", "404.html")):
            yield f"{name}: the search does not know {words[-1]!r}"
