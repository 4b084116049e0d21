"""Texts that anybody may have written, for screens, tables and pages."""

from __future__ import annotations


def printable(text: str) -> str:
    """Show what does not print: control characters, and those that turn or hide text, as Python writes them."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def cut(text: str, most: int) -> str:
    """Show a text with at most so many characters. What is left out is in the middle."""
    shown = printable(text)
    if len(shown) <= most:
        return shown
    tail = (most - 1) // 2
    return f"{shown[: most - 1 - tail]}…{shown[-tail:]}"
