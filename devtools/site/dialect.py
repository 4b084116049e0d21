"""From the Markdown of a Git host to that of Python-Markdown, which Zensical uses.

Three things differ. Python-Markdown wants four spaces for each level of a list. It wants an empty line before a list.
And it shows the backslash of a pipe that is escaped in code in a table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FENCE = re.compile(r" *(```+|~~~+)")
_MARKER = re.compile(r"(?:[-*+]|\d{1,9}\.) +(?=\S)")
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_LEVEL = 4


def translate(markdown: str) -> str:
    """Return a page as Python-Markdown wants it."""
    return _Translator().translated(markdown)


@dataclass(slots=True)
class _Translator:
    """Where the translation is on its way through a page.

    Attributes:
        margins: For each list around the present line, the column where the text of its items begins.
        fence: The fence of the block of code around the present line; "" outside of code.
        in_item: Whether the line before belongs to the first paragraph of an item.
        in_paragraph: Whether the line before belongs to another paragraph.
    """

    margins: list[int] = field(default_factory=list)
    fence: str = ""
    in_item: bool = False
    in_paragraph: bool = False

    def translated(self, markdown: str) -> str:
        return "".join(self._line(line) for line in markdown.splitlines(keepends=True))

    def _line(self, line: str) -> str:
        text = line.lstrip(" ")
        indent = len(line) - len(text)
        if self.fence:
            self.fence = "" if text.startswith(self.fence) else self.fence
            return self._moved(text, indent) if text.strip() else line
        if not text.strip():
            self.in_item = self.in_paragraph = False
            return line
        fence, marker = _FENCE.match(text), _MARKER.match(text)
        if marker and not self._goes_on(marker[0]):
            return self._item(text, indent, marker[0])
        if fence or not (self.in_item or self.in_paragraph):
            self._leave_lists(indent)
        if fence:
            self.fence = fence[1]
            self.in_item = self.in_paragraph = False
            return self._moved(text, indent)
        self.in_paragraph = not self.in_item and not text.startswith(("|", "#"))
        return self._moved(_unescaped(text) if text.startswith("|") else text, indent)

    def _goes_on(self, marker: str) -> bool:
        """Tell whether a paragraph goes on with what looks like an item: only 1 begins a list there."""
        return self.in_paragraph and not self.margins and marker.strip() not in {"-", "*", "+", "1."}

    def _item(self, text: str, indent: int, marker: str) -> str:
        opening = "\n" if self.in_paragraph else ""
        self._leave_lists(indent)
        moved = self._moved(text, indent)
        self.margins.append(indent + len(marker))
        self.in_item, self.in_paragraph = True, False
        return opening + moved

    def _leave_lists(self, indent: int) -> None:
        while self.margins and indent < self.margins[-1]:
            self.margins.pop()

    def _moved(self, text: str, indent: int) -> str:
        """Return a line with four spaces for each list around it."""
        margin = self.margins[-1] if self.margins else 0
        return " " * (_LEVEL * len(self.margins) + max(indent - margin, 0)) + text


def _unescaped(row: str) -> str:
    """Return a row of a table without the backslashes of pipes in code."""
    return _CODE.sub(lambda code: code[0].replace(r"\|", "|"), row)
