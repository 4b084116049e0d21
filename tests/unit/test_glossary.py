"""The glossary has the words that the pages use, in order, each in a few sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
GLOSSARY = DOCS / "reference" / "glossary.md"
ENTRIES = dict(re.findall(r"^## (.+)\n\n((?:.+\n)+)", GLOSSARY.read_text(), re.MULTILINE))
#: All other pages: path -> text.
OTHERS = {page: page.read_text() for page in sorted(DOCS.rglob("*.md")) if page != GLOSSARY}
MOST_SENTENCES = 3


def test_terms_are_in_order() -> None:
    terms = re.findall(r"^## (.+)$", GLOSSARY.read_text(), re.MULTILINE)

    assert terms == sorted(terms, key=str.casefold)
    assert terms == list(ENTRIES)


@pytest.mark.parametrize("term", ENTRIES)
def test_other_pages_use_a_term(term: str) -> None:
    pages = [page.name for page, text in OTHERS.items() if _word(term).search(text)]

    assert len(pages) >= 2, pages


@pytest.mark.parametrize("term", ENTRIES)
def test_a_term_is_explained_in_one_to_three_sentences(term: str) -> None:
    text = re.sub(r"`[^`]*`", "code", ENTRIES[term].strip())

    assert text.endswith((".", ")."))
    assert 1 <= len(re.findall(r"[.?!][\"')]*(?=\s|$)", text)) <= MOST_SENTENCES


def test_pages_do_not_use_a_second_noun_for_what_has_a_term() -> None:
    second = re.compile(r"access control list|\bprincipal\b", re.IGNORECASE)

    assert [page.name for page, text in OTHERS.items() if second.search(text)] == []


def _word(term: str) -> re.Pattern[str]:
    """Return what finds a term and its plural, but no part of a longer word."""
    words = r"\s+".join(map(re.escape, term.split()))
    return re.compile(rf"(?<![\w-]){words}(?:s|es|ed|led)?(?![\w-])", re.IGNORECASE)
