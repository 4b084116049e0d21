"""The pictures of the documentation are what their sources say, and can be read."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from devtools.pictures.__main__ import FOLDER, SOURCES, drawn
from devtools.pictures.source import SourceError, load
from devtools.pictures.text import balanced, width, wrapped

SVG = "{http://www.w3.org/2000/svg}"
NAMES = sorted(source.stem for source in SOURCES.glob("*.yaml"))


def test_every_picture_has_a_source() -> None:
    assert NAMES
    assert sorted(path.stem for path in FOLDER.glob("*.svg")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_what_its_source_says(name: str) -> None:
    """Where this fails, `make pictures` mends it."""
    assert (FOLDER / f"{name}.svg").read_text() == drawn(SOURCES / f"{name}.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_reader_finds_title_and_description(name: str) -> None:
    picture = load(SOURCES / f"{name}.yaml")

    root = _parsed(name)

    assert root.get("aria-labelledby") == "title description"
    assert [(one.tag, one.get("id"), one.text) for one in root[:2]] == [
        (f"{SVG}title", "title", picture.title),
        (f"{SVG}desc", "description", picture.description),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_no_text_leaves_the_picture(name: str) -> None:
    root = _parsed(name)
    wide, high = float(root.get("width", "")), float(root.get("height", ""))

    texts = root.findall(f"{SVG}text")

    assert texts
    for text in texts:
        content, x, y = text.text or "", float(text.get("x", "")), float(text.get("y", ""))
        length = width(content, bold="bold" in text.get("class", ""))
        left = x if text.get("text-anchor") == "start" else x - length / 2
        assert left >= 0, content
        assert left + length <= wide, content
        assert y <= high, content


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_shown_on_a_page_with_a_text_for_those_who_do_not_see_it(name: str) -> None:
    docs = FOLDER.parent
    shown = [line for page in docs.rglob("*.md") for line in page.read_text().splitlines() if f"/{name}.svg)" in line]

    assert shown
    assert all(line.startswith("[![") and len(line.partition("]")[0]) > len("[![a few words") for line in shown)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("title: t\ndescription: d\n", "a.yaml: A picture has either steps or boxes."),
        (
            "title: t\nboxes: [{name: a, title: a, row: 1}]\n",
            "a.yaml: A picture needs a description for people who do not see it.",
        ),
        (
            "title: t\ndescription: d\nboxes: [{name: a, title: a, row: 1, colour: red}]\n",
            "a.yaml: Box has no field 'colour'. It has: column, lines, name, row, span, title, tone.",
        ),
        (
            "title: t\ndescription: d\nboxes: [{name: a, title: a, row: 1}]\narrows: [{from: a, to: b}]\n",
            "a.yaml: 'b' is none of: a.",
        ),
        (
            "title: t\ndescription: d\nboxes: [{name: a, title: a, row: 1, tone: red}]\n",
            "a.yaml: 'red' is none of: key, locked, plain, reference, value.",
        ),
    ],
)
def test_a_wrong_source_is_an_error_that_says_what_is_wrong(tmp_path: Path, source: str, error: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(source)

    with pytest.raises(SourceError) as raised:
        load(path)

    assert str(raised.value) == error


def test_lines_are_filled() -> None:
    assert wrapped("one two three four five six seven", width("one two three four five six")) == [
        "one two three four five six",
        "seven",
    ]


def test_lines_in_the_middle_are_of_about_the_same_length() -> None:
    assert balanced("one two three four five six seven", width("one two three four five six")) == [
        "one two three four",
        "five six seven",
    ]


def _parsed(name: str) -> ElementTree.Element:
    return ElementTree.fromstring((FOLDER / f"{name}.svg").read_text())  # noqa: S314 - a file of this repository
