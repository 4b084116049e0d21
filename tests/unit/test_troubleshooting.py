"""docs/how-to/troubleshooting.md: the text of an error leads to one section, and every error has one."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from devtools.error_texts import first_lines
from exclusive_redis_xcom import errors

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "troubleshooting.md"
PACKAGE = ROOT / "exclusive_redis_xcom"
#: Heading -> text of the section.
SECTIONS = {
    heading: text for heading, _, text in (part.partition("\n") for part in PAGE.read_text().split("\n### ")[1:])
}
TEXTS = sorted({found for path in PACKAGE.rglob("*.py") for found in first_lines(path.read_text())})
ERRORS = [
    name
    for name, cls in inspect.getmembers(errors, inspect.isclass)
    if issubclass(cls, errors.ExclusiveXComError) and cls is not errors.ExclusiveXComError
]


def quoted(section: str) -> set[str]:
    """The texts that a section shows, without the type that a log puts in front of an error."""
    return {re.sub(r"^(?:\w+: )(?=[A-Z.\[])", "", text) for text in re.findall(r"`([^`]+)`", section)}


def sections_with(words: str) -> list[str]:
    return [heading for heading, text in SECTIONS.items() if words in text]


def fixed_words(text: str) -> str:
    """What of a text is the same each time, and longest: what a reader searches for."""
    return max((part.strip() for part in text.split("...")), key=len)


def test_there_are_texts_to_look_for() -> None:
    assert ("XComExpired", "... is no longer in object storage.") in TEXTS
    assert len(TEXTS) > 100


@pytest.mark.parametrize("text", sorted({text for _, text in TEXTS}))
def test_the_first_line_of_an_error_stands_in_one_section(text: str) -> None:
    assert len([heading for heading, section in SECTIONS.items() if text in quoted(section)]) == 1


@pytest.mark.parametrize("text", sorted({text for _, text in TEXTS if len(fixed_words(text)) > 20}))
def test_the_fixed_words_of_an_error_lead_to_that_section_alone(text: str) -> None:
    assert len(sections_with(fixed_words(text))) == 1


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_has_a_section(name: str) -> None:
    assert sections_with(f"`{name}: ") != []


def test_a_type_that_a_log_names_leads_only_to_texts_of_that_type() -> None:
    types: dict[str, set[str]] = {}
    for name, text in TEXTS:
        types.setdefault(text, set()).add(name)
    shown = re.findall(r"`(\w+): ([^`]+)`", PAGE.read_text())
    told = {(name, text) for name, text in shown if name in ERRORS and text in types}

    assert told
    assert {(name, text) for name, text in told if name not in types[text]} == set()


@pytest.mark.parametrize("heading", sorted(SECTIONS))
def test_a_section_has_a_cause_and_what_to_do_and_a_link(heading: str) -> None:
    # A heading of the next group may follow.
    section = SECTIONS[heading].partition("\n## ")[0]

    assert [word for word in ("**Cause.**", "**What to do.**", "**More:** [") if word not in section] == []


def test_no_text_is_shown_that_no_code_writes() -> None:
    sources = [path.read_text() for path in PACKAGE.rglob("*.py")]
    shown = {text for section in SECTIONS.values() for text in quoted(section) if " " in text and "..." in text}
    known = {text for _, text in TEXTS}

    others = {text for text in shown - known if not any(all(map(source.count, words_of(text))) for source in sources)}
    assert others == set()


def words_of(text: str) -> list[str]:
    return [part.strip(" .:'") for part in text.split("...") if len(part.strip(" .:'")) > 3]
