"""The commands, outputs and files that a tutorial shows."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# (\S+\.py)\n")
#: In an output: anything within a line, or any lines.
ANYTHING = "..."


@dataclass(frozen=True)
class Command:
    """One command that the reader types, and the lines that the page shows after it."""

    text: str
    shown: tuple[str, ...]

    def fits(self, printed: str) -> bool:
        """Tell whether a command printed what the page shows. Spaces at the ends of lines do not count."""
        lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
        return re.fullmatch(_pattern(self.shown), "".join(f"{line}\n" for line in lines)) is not None


@dataclass(frozen=True)
class File:
    """A file that the reader saves."""

    path: str
    text: str


def steps(markdown: str) -> list[Command | File]:
    """Return what the reader does, in the order of the page.

    Raises:
        ValueError: A block of Python does not say in its first line which file it is.
    """
    found: list[Command | File] = []
    for kind, text in _BLOCK.findall(markdown):
        found += _commands(text) if kind == "console" else [_file(text)]
    return found


def _commands(text: str) -> list[Command]:
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    if parts[0]:
        raise ValueError(f"this block does not begin with a command: {text!r}")
    typed = [part.splitlines() for part in parts[1:]]
    return [Command(lines[0], tuple(line.rstrip() for line in lines[1:])) for lines in typed]


def _file(text: str) -> File:
    name = _FILE.match(text)
    if name is None:
        raise ValueError(f"the first line of this block does not name its file: {text!r}")
    return File(name[1], text)


def _pattern(shown: tuple[str, ...]) -> str:
    return "".join(
        r"(?:.*\n)*" if line == ANYTHING else f"{re.escape(line).replace(re.escape(ANYTHING), '.*')}\n"
        for line in shown
    )
