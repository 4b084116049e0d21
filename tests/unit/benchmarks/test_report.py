"""The page and the chart, from given figures. Nothing here takes the time of anything."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import chart, markdown, report

HERE = Path(__file__).parent
#: Figures of all sections, and the page that they make.
FILES = ("figures.json", "scale_figures.json")
FIGURES = {name: found for file in FILES for name, found in json.loads((HERE / file).read_text()).items()}
PAGE = (HERE / "page.md").read_text()
SVG = "{http://www.w3.org/2000/svg}"


def test_each_part_of_the_page_is_written_from_the_figures() -> None:
    stale = report.MARKED.sub(r"\1stale\n\3", PAGE)

    assert report.filled(stale, FIGURES) == PAGE


def test_the_marks_of_the_page_are_those_that_are_known() -> None:
    for page in (PAGE, report.PAGE.read_text()):
        assert sorted(mark[1] for mark in report.MARKED.findall(page)) == sorted(report.PARTS)


def test_what_is_not_between_marks_stays() -> None:
    found = report.filled("Prose.\n<!-- bench:memory -->\nstale\n<!-- end -->\nMore prose.\n", {})

    assert found == "Prose.\n<!-- bench:memory -->\n*Not measured yet.*\n<!-- end -->\nMore prose.\n"


@pytest.mark.parametrize("section", FIGURES)
def test_one_section_is_enough_for_its_parts(section: str) -> None:
    found = report.filled(PAGE, {section: FIGURES[section]})

    assert "Measured on 2026-01-02" in found
    assert "*Not measured yet.*" in found


def test_a_mark_of_an_unknown_part_is_an_error() -> None:
    with pytest.raises(KeyError, match="unheard-of"):
        report.filled("<!-- bench:unheard-of -->\n<!-- end -->", {})


def test_a_terminal_gets_the_same_tables_with_aligned_columns() -> None:
    found = report.as_text(FIGURES)

    assert re.search(r"^push 100 B +\| +11\.1 ms \| +11 ms \| +1\.10 x API call \| exceeded$", found, re.MULTILINE)
    assert markdown.aligned("| name | ms |\n| --- | ---: |\n| push | 1.50 |").splitlines()[::2] == [
        "name |   ms",
        "push | 1.50",
    ]


@pytest.mark.parametrize(
    ("found", "other", "shown"),
    [
        (1, 45, "1/45"),
        (1, 2, "1/2.0"),
        (1, 9.4, "1/9.4"),
        (1.07, 1, "1.07"),
        (30.4, 1, "30"),
        (9, 10, "0.90"),
        (None, 1, ""),
        (1, None, ""),
    ],
)
def test_ratios_are_read_at_a_glance(found: float | None, other: float | None, shown: str) -> None:
    assert markdown.ratio(found, other) == shown


def test_the_chart_has_a_dot_for_each_figure_besides_the_legend_on_a_logarithmic_scale() -> None:
    found = chart.svg({"pull 1": {"default": 1.0, "ours": 10.0, "floor": 100.0}, "push <large> & more": {"ours": 70.0}})

    drawn = ElementTree.fromstring(found)  # noqa: S314 - drawn here
    dots = [float(dot.attrib["cx"]) for dot in drawn.findall(f"{SVG}circle")][len(chart.LEGEND) :]
    assert len(dots) == 4
    assert dots[1] - dots[0] == pytest.approx(dots[2] - dots[1])
    assert "push <large> & more" in [text.text for text in drawn.findall(f"{SVG}text")]


def test_worker_server_and_cold_start_share_the_chart() -> None:
    found = chart.lines(FIGURES)

    assert found["push 100 B"] == {"default": 9.5, "object": 12.0, "ours": 11.1, "floor": 0.25, "server": 11.3}
    assert found["fork to user code, one argument"] == {"default": 100.0, "ours": 103.1}
