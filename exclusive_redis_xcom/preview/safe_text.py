"""Texts of untrusted bytes, made fit for a terminal and a page: they print, and they have a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_NAME = 120


def printable(text: str) -> str:
    """Write control characters, and those that turn or hide text, as Python writes them."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def cut(text: str, most: int) -> str:
    """Return one line of at most so many characters."""
    shown = printable(text[:most])
    return shown if len(shown) <= most and len(text) <= most else f"{shown[: most - 1]}…"


def lines(text: str, most: int) -> tuple[str, bool]:
    """Return a text of several lines, and whether characters are left out."""
    shown = "\n".join(map(printable, text[:most].split("\n")))
    return shown[:most], len(text) > most or len(shown) > most


def quoted(text: str, most: int) -> str:
    """Return a text as Python's literal, with at most so many characters of it."""
    return repr(text) if len(text) <= most else f"{text[:most]!r}…(+{len(text) - most} characters)"


def quoted_bytes(data: bytes, most: int) -> str:
    """Return bytes as Python's literal, with at most so many of them."""
    return repr(data) if len(data) <= most else f"{data[:most]!r}…(+{len(data) - most} bytes)"


def joined(items: Iterable[str], count: int, most: int) -> str:
    """Join the first of so many items, until they fill a cell. No further item is made then."""
    shown, length = [], 0
    for item in items:
        shown.append(item)
        length += len(item) + 2
        if length > most:
            break
    return ", ".join(shown if len(shown) == count else [*shown, "…"])


def name(text: object) -> str:
    """Return the name of a class or the like on one line."""
    return one_line(text, _MOST_NAME) if isinstance(text, str) else "?"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as `1 row` or `2 rows`."""
    shown = str(number) if abs(number) < 10**18 else "very many"
    return f"{shown} {noun}" if number == 1 else f"{shown} {noun}s"
