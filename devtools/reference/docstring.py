"""The parts of a docstring in Google's style."""

from __future__ import annotations

import inspect
import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):\n((?:(?: {4}.*)?\n)*)", re.MULTILINE)
_ENTRY = re.compile(r"^([\w*., ]+?): (.+(?:\n {4}.+)*)", re.MULTILINE)
_EXAMPLE = re.compile(r"(?:^|(?<=\n\n))((?: {4}.*\n|\n(?= {4}))+)")


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring.

    Attributes:
        text: What is before and after the sections, as Markdown.
        lists: The entries of `Args`, `Attributes` and `Raises`: name and text.
        returns: The text of `Returns` or `Yields`; "" if there is none.
    """

    text: str
    lists: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    returns: str = ""


def docstring_of(documented: Any) -> Docstring:
    """Read the docstring of a class, function or property."""
    text = (inspect.getdoc(documented) or "") + "\n"
    lists: dict[str, list[tuple[str, str]]] = {}
    returns = ""
    for name, body in _SECTION.findall(text):
        if name in ("Returns", "Yields"):
            returns = " ".join(body.split())
        else:
            entries = _ENTRY.findall(textwrap.dedent(body))
            lists[name] = [(entry, " ".join(told.split())) for entry, told in entries]
    return Docstring(_fenced(_SECTION.sub("", text)).strip(), lists, returns)


def _fenced(text: str) -> str:
    """Return a text whose indented examples are blocks of Python code."""
    return _EXAMPLE.sub(lambda found: f"```python\n{textwrap.dedent(found[1]).strip()}\n```\n", text)
