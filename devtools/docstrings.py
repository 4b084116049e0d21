"""`make lint`: one style of docstrings where no linter looks.

Ruff checks the sections of a docstring (rules D4xx). This program checks three more things. Entries of `Args`,
`Attributes` and `Raises` begin with a capital letter and end with a full stop. Code stands in single backticks. A
sentence has at most 25 words, as on the pages that `devtools.prose` checks.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from devtools.prose import MOST_WORDS, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTION = re.compile(r"( *)(?:Args|Attributes|Raises):")
_NAME = r"[\w*`., ]+(?: \([^)]*\))?: "
_ENTRY = re.compile(rf" *{_NAME}(?P<text>.+)")
# These words are part of no sentence: the heading of a section, and the name at the beginning of an entry.
_NO_SENTENCE = re.compile(rf"^(?: *(?:Args|Attributes|Raises|Returns|Yields):$| +{_NAME})", re.MULTILINE)
_QUOTED_OTHERWISE = re.compile(r"(?<!`)``(?!`)|:(?:attr|class|data|exc|func|meth|mod):`")


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Find what is not in our style: line number and complaint.

    Args:
        source: The text of a Python file.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        docstring = ast.get_docstring(node, clean=True)
        if docstring is not None:
            line = node.body[0].lineno
            yield from ((line, complaint) for complaint in complaints(docstring))


def complaints(docstring: str) -> Iterator[str]:
    """Say what is wrong with one docstring, cleaned of its indentation."""
    if _QUOTED_OTHERWISE.search(docstring):
        yield "code stands in single backticks"
    for sentence in sentences(_NO_SENTENCE.sub("\n", docstring)):
        if len(sentence.words) > MOST_WORDS:
            yield f"{len(sentence.words)} words: {' '.join(sentence.text.split())[:80]!r}"
    for entry in entries(docstring):
        found = _ENTRY.fullmatch(entry)
        text = found["text"] if found else entry
        if text[0].islower():
            yield f"a capital letter begins this entry: {entry!r}"
        if not text.endswith("."):
            yield f"a full stop ends this entry: {entry!r}"


def entries(docstring: str) -> list[str]:
    """Return each entry of `Args`, `Attributes` and `Raises` on one line."""
    found: list[str] = []
    margin: int | None = None  # of the entries, while in a section
    for line in docstring.splitlines():
        indent = len(line) - len(line.lstrip())
        if _SECTION.fullmatch(line):
            margin = indent + 4
        elif margin is None or not line.strip():
            continue
        elif indent < margin:
            margin = None
        elif indent == margin:
            found.append(line.strip())
        else:
            found[-1] += f" {line.strip()}"
    return found


def main() -> int:
    """Check all Python files that git knows; return the exit code."""
    names = subprocess.run(["git", "ls-files", "*.py"], check=True, capture_output=True, text=True).stdout.split()
    found = [
        f"{name}:{line}: {complaint}"
        for name in names
        if Path(name).exists()
        for line, complaint in faults(Path(name).read_text(encoding="utf-8"))
    ]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
