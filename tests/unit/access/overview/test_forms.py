"""Each form keeps every id as text, and says the same."""

from __future__ import annotations

import csv
import html.parser
import io
import re
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

from exclusive_redis_xcom.access.overview import dot, drawing, markdown, mermaid, spreadsheet
from exclusive_redis_xcom.access.overview.entries import entries
from exclusive_redis_xcom.access.overview.graph import pictures
from exclusive_redis_xcom.access.printable import cut, printable
from tests.unit.access.overview.hostile import TEXTS, as_task, of_texts

HARMLESS = tuple(f"text{number}" for number in range(len(TEXTS)))

DOT_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|->|[\w.]+|[{}\[\];=,])')
MERMAID_LABEL = r'"((?:[^"#]|#\d+;)*)"'
MERMAID = [
    re.compile(pattern)
    for pattern in (
        r"flowchart LR",
        rf"  subgraph dag\d+\[{MERMAID_LABEL}\]",
        rf"    n\d+\[{MERMAID_LABEL}\]",
        rf"    n\d+\(\[{MERMAID_LABEL}\]\)",
        r"  end",
        rf"  n\d+ (?:-->|-\.->)\|{MERMAID_LABEL}\| n\d+",
        r"  classDef group stroke-dasharray: 4 3",
        r"  class n\d+(?:,n\d+)* group",
    )
]


def dot_tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        found = DOT_TOKEN.match(text, at)
        assert found is not None, text[at : at + 80]
        tokens.append(found[1])
        at = found.end()
    return tokens


def dot_text(token: str) -> str:
    """What Graphviz shows for a quoted label."""
    assert re.fullmatch(r'"(?:[^"\\]|\\["\\])*"', token), token
    return re.sub(r"\\(.)", r"\1", token[1:-1]).replace("&amp;", "&")


@pytest.mark.parametrize("text", TEXTS)
def test_dot_shows_a_text_as_it_is(text: str) -> None:
    assert dot_text(dot.quoted(text)) == printable(text)
    assert re.search(r"&(?!amp;)", dot.quoted(text)) is None


def test_dot_has_the_same_statements_whatever_ids_hold() -> None:
    hostile, harmless = (dot_tokens(dot.write(pictures(entries(of_texts(texts))))) for texts in (TEXTS, HARMLESS))

    def shape(tokens: list[str]) -> Counter[str]:
        """The order of keys depends on what they hold, and so do the numbers of nodes."""
        return Counter("text" if token.startswith('"') else re.sub(r"\d+", "0", token) for token in tokens)

    assert shape(hostile) == shape(harmless)
    labels = {dot_text(token) for token in hostile if token.startswith('"')}
    assert {cut(as_task(text), 60) for text in TEXTS} <= labels


@pytest.mark.parametrize("text", TEXTS)
def test_mermaid_shows_a_text_as_it_is(text: str) -> None:
    quoted = mermaid.quoted(text)

    assert re.fullmatch(MERMAID_LABEL, quoted)
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), quoted[1:-1]) == printable(text)
    assert not set("`<>&|[]{}*\\@").intersection(quoted)
    assert not re.match(r'"(?:\d+\.|-)', quoted)


def test_every_line_of_mermaid_is_a_statement() -> None:
    lines = mermaid.write(pictures(entries(of_texts(TEXTS)))).splitlines()

    assert [line for line in lines if not any(pattern.fullmatch(line) for pattern in MERMAID)] == []
    assert sum(line.startswith("  subgraph") for line in lines) == sum(line == "  end" for line in lines) > 1


def test_mermaid_says_when_a_chart_is_too_large_to_be_drawn() -> None:
    edge = '  n0 -->|"k"| n1\n'

    assert mermaid.too_large(edge * 500) is None
    assert mermaid.too_large(edge * 501) == (
        "Note: this chart has 501 edges and 8517 characters. Mermaid draws 500 edges and 50000 characters unless it is "
        "told otherwise. Choose DAGs with --dag, or another format."
    )


def test_csv_reads_back_and_holds_no_formula() -> None:
    rows = list(csv.reader(io.StringIO(spreadsheet.write(entries(of_texts(TEXTS))))))

    assert tuple(rows[0]) == spreadsheet.HEADERS
    assert {len(row) for row in rows} == {len(spreadsheet.HEADERS)}
    assert [cell for row in rows for cell in row if cell.startswith(tuple("=+-@\t\r"))] == []
    assert {row[2].removeprefix("'") if row[2][1:2] in "=-" else row[2] for row in rows[1:]} == {
        "return_value",
        *map(printable, TEXTS),
    }


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1"])  # noqa: RUF001 - the wide form is meant
def test_a_cell_that_spreadsheets_would_compute_begins_with_an_apostrophe(text: str) -> None:
    rows = list(csv.reader(io.StringIO(spreadsheet.write(entries(of_texts((text,)))))))

    assert sorted(row[2] for row in rows[1:]) == sorted([f"'{text}", f"'{text}", "return_value"])


@pytest.mark.parametrize("text", TEXTS)
def test_a_name_in_markdown_is_code(text: str) -> None:
    code = markdown.code(text)
    fence = re.match("`+", code)

    assert fence is not None
    inner = code[len(fence[0]) : -len(fence[0])]
    assert code.endswith(fence[0])
    assert fence[0] not in re.findall("`+", inner)
    assert re.search(r"(?<!\\)\|", code) is None
    assert inner.replace("\\|", "|").strip() == printable(text).strip()


def test_a_markdown_table_has_one_line_for_each_xcom() -> None:
    found = list(entries(of_texts(TEXTS)))
    lines = markdown.write(found).splitlines()

    table = [line for line in lines if line.startswith("|")]
    assert len(table) == len(found) + 2
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {7}
    assert [line for line in lines if line.startswith("#")] == [f"### {markdown.code('dag' + TEXTS[0])}"]


class Tags(html.parser.HTMLParser):
    """The tags of a page with the names of their attributes, and the values of these."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href", "action")]


def test_the_page_has_the_same_tags_whatever_ids_hold_and_reaches_for_nothing() -> None:
    hostile, harmless = (
        Tags(drawing.html(pictures(entries(of_texts(texts))), notes=[texts[0]])) for texts in (TEXTS, HARMLESS)
    )

    assert Counter(hostile.tags) == Counter(harmless.tags)
    assert hostile.links == []
    assert {tag for tag, _ in hostile.tags}.isdisjoint({"script", "link", "img", "iframe", "object", "form"})
    assert [name for _, names in hostile.tags for name in names if name.startswith("on") or name == "style"] == []


def test_the_page_forbids_scripts_and_requests() -> None:
    text = drawing.html(pictures(entries(of_texts(("k",)))))

    policy = "default-src 'none'; style-src 'unsafe-inline'"
    assert f'<meta http-equiv="Content-Security-Policy" content="{policy}">' in text
    assert set(re.findall(r"url\((.*?)\)", text)) == {"#arrow", "#arrow-maybe"}
    assert "@import" not in text


def test_the_picture_is_xml_with_the_same_elements_whatever_ids_hold() -> None:
    shapes = []
    for texts in (TEXTS, HARMLESS):
        root = ET.fromstring(drawing.svg(pictures(entries(of_texts(texts)))))  # noqa: S314 - made here
        shapes.append(Counter((element.tag, tuple(element.attrib)) for element in root.iter()))

    assert shapes[0] == shapes[1]


def test_both_themes_have_every_colour() -> None:
    style = drawing.svg(pictures(entries(of_texts(("k",))))).partition("<style>")[2].partition("</style>")[0]
    light, dark = style.split("@media (prefers-color-scheme: dark)")

    names = set(re.findall(r"(--\w+):", light))
    assert names == set(re.findall(r"(--\w+):", dark)) == set(re.findall(r"var\((--\w+)\)", style)) | {"--rule"}
    assert re.findall(r"#[0-9a-f]{3,8}\b", style.partition(".access text")[2]) == []
