"""`make lint`: plain sentences in what users read.

Markdown pages and the descriptions of options are read sentence by sentence. A sentence has at most 25 words. In
running text, it also has a verb. The check knows verbs by the list `_VERBS`; add a verb that is missing. It does not
read headings, blocks of code, comments, and the figures that `benchmarks/` writes.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_WORDS = 25

_VERBS = frozenset(
    """
    am are be can cannot could did do does had has have is may might must shall should was were accept add agree
    allow alter answer append apply arrive ask assume attack bear become begin behave believe belong bind block
    bound bring build call carry change check choose claim clean clear close colour come commit compare compress
    connect contain copy correct cost count cover create cross decide declare decode decrypt delete derive describe
    develop die differ discard draw drop enable encode encrypt end exceed expire explain fail fall fill find fit
    follow forget get give go goes grant grow happen help hide hold ignore imply import include inform install join
    keep know last lead leave let lie lift limit list live load log look lose make map mark mask match matter mean
    measure mind miss move name need notice number open pack pass pay permit play point prefer prevent print produce
    promise protect prove publish pull push put raise reach read recognise reduce refer refuse register release rely
    remove rename renew repeat replace reply report require reset resolve restart restrict retry return rotate run
    save say seal search see select send serve set share show sign spill spread stand start state stay stop store
    strip succeed supply support surround survive switch tag take talk tell test touch travel treat trigger try turn
    understand unpause unwrap update use validate wait want warn watch weaken went will win work would write
    """.split()  # noqa: SIM905 - one line a word would fill pages
)
_ENDINGS = (("", ""), ("s$", ""), ("es$", ""), ("d$", ""), ("ed$", ""), ("ie[sd]$", "y"))
# Text that begins with one of these is the rest of the sentence before.
_OPENERS = frozenset({"else", "nor", "not"})

_WORD = re.compile(r"\S*[^\W_]\S*")
_SENTENCE_END = re.compile(r"[.!?][\"')*_]*(?=\s)")
_UNREAD = re.compile(r"^(?:```.*?^```|<!-- bench:.*?<!-- end -->|<!--.*?-->)$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)(?:(?!\1).)+\1", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\))?")
_LIST_ITEM = re.compile(r"\s*(?:[-*]|\d+\.)\s+")
_TABLE_ROW = re.compile(r"\s*\|")
# `off: every pull asks the API server.` A definition needs no verb.
_DEFINITION = re.compile(r"[^\s:]+:\s")
# A heading inside a paragraph: `**Writing.** The object comes first.`
_LEAD_IN = re.compile(r"\A(?:\*\*[^*]+[.:]\*\*\s*|\*\*[^*]+\*\*:\s+)")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, the line it begins on, and whether it stands in running text instead of a table."""

    line: int
    text: str
    running: bool

    @property
    def words(self) -> list[str]:
        """The words of the sentence. A code span is one word."""
        return _WORD.findall(self.text)


def faults(markdown: str) -> Iterator[tuple[int, str]]:
    """Find sentences to mend: line number and complaint.

    Args:
        markdown: The text of a page, or a description.
    """
    for sentence in sentences(markdown):
        for complaint in complaints(sentence):
            yield sentence.line, f"{complaint}: {' '.join(sentence.text.split())[:80]!r}"


def complaints(sentence: Sentence) -> Iterator[str]:
    """Say what is wrong with one sentence."""
    if len(sentence.words) > MOST_WORDS:
        yield f"{len(sentence.words)} words"
    if sentence.running and sentence.text.endswith((".", "!", "?")):
        plain = [word.strip(".,;:!?()*\"'").lower() for word in sentence.words]
        if plain and plain[0] in _OPENERS:
            yield "no sentence of its own"
        elif not _DEFINITION.match(sentence.text) and not any(_is_verb(word) for word in plain):
            yield "no verb"


def sentences(markdown: str) -> Iterator[Sentence]:
    """Yield all sentences of a page. A code span becomes one word, and a link becomes its text."""
    text = _UNREAD.sub(lambda found: "\n" * found[0].count("\n"), markdown)
    text = _CODE.sub(lambda found: "Code" + "\n" * found[0].count("\n"), text)
    text = _LINK.sub(lambda found: found[1], text)
    for line, block, running in _blocks(text):
        start = 0
        for end in [*(found.end() for found in _SENTENCE_END.finditer(block)), len(block)]:
            piece = block[start:end]
            begins = line + block.count("\n", 0, start + len(piece) - len(piece.lstrip()))
            if piece.strip():
                yield Sentence(begins, piece.strip(), running)
            start = end


def _blocks(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield paragraphs, list items and cells of tables: line number, text, and whether it is running text."""
    first, lines = 0, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        item, row, heading = _LIST_ITEM.match(line), _TABLE_ROW.match(line), line.startswith(("#", "    $"))
        if lines and (item or row or heading or not line.strip()):
            yield first, _LEAD_IN.sub("", "\n".join(lines)), True
            lines = []
        if row:
            yield from ((number, cell, False) for cell in line.replace(r"\|", "/").split("|") if cell.strip(" -:"))
        elif line.strip() and not heading:
            first = first if lines else number
            lines.append(line[item.end() :] if item else line)


def _is_verb(word: str) -> bool:
    """Tell whether a word, or what is left without an ending, is in the list."""
    return any(re.sub(ending, stem, word) in _VERBS for ending, stem in _ENDINGS)


def main() -> int:
    """Check the pages and the descriptions of options; return the exit code."""
    from exclusive_redis_xcom.settings import OPTIONS

    pages = [*map(Path, ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")), *sorted(Path("docs").rglob("*.md"))]
    texts = [(str(page), page.read_text(encoding="utf-8")) for page in pages]
    found = [f"{page}:{line}: {complaint}" for page, text in texts for line, complaint in faults(text)]
    found += [f"option {option.name}: {complaint}" for option in OPTIONS for _, complaint in faults(option.description)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
