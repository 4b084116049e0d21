"""A page of the built site, as far as checks need to know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CODE = frozenset({"code", "pre", "script", "style", "svg", "kbd"})
_BLOCKS = frozenset({"dd", "div", "dt", "li", "ol", "p", "pre", "table", "td", "th", "ul"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
#: Attributes that make a browser load something, by element.
_LOADED = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "link": "href",
    "object": "data", "script": "src", "source": "srcset", "video": "src",
}  # fmt: skip


@dataclass(slots=True)
class BuiltPage:
    """What a page holds.

    Attributes:
        ids: All anchors.
        links: Targets of links, outside of the navigation of the whole site.
        loaded: Addresses that a browser loads with the page: pictures, scripts, styles.
        navigation: Targets of links in the navigation of the whole site.
        prose: The article's blocks of text, such as paragraphs and cells. Code in them is left out.
    """

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    navigation: list[str] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)


def read_page(path: Path) -> BuiltPage:
    """Read a page of the built site."""
    parser = _Parser()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    return parser.page


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = BuiltPage()
        self._open: list[tuple[str, str]] = []  # elements, each with its class

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append((tag, given.get("class", "")))
        for name in ("id", "name") if tag == "a" else ("id",):
            self.page.ids.add(given.get(name, ""))
        if tag == "a" and "href" in given:
            in_navigation = self._is_in("nav", "md-nav--primary")
            (self.page.navigation if in_navigation else self.page.links).append(given["href"])
        if tag in _BLOCKS or tag in _HEADINGS:
            self.page.prose.append("")
        if given.get(_LOADED.get(tag, "")):
            self.page.loaded.append(given[_LOADED[tag]])

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS or tag in _HEADINGS:
            self.page.prose.append("")
        while self._open and tag in (name for name, _ in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if self.page.prose and self._is_in("article") and not any(name in _CODE for name, _ in self._open):
            self.page.prose[-1] += data

    def _is_in(self, tag: str, css_class: str = "") -> bool:
        return any(name == tag and css_class in classes for name, classes in self._open)
