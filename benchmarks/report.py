"""docs/performance.md: prose that people write, and between marks, figures that the bench writes.

<!-- bench:NAME -->
what `make bench-docs` puts here
<!-- end -->
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from benchmarks import chart, figures, limits, table, words
from devtools.airflow_home import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PAGE = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "performance.svg"
SECTIONS = ("memory", "worker", "server", "cold", "growth")
_NOT_MEASURED = "*Not measured yet.*"
_MARKED = re.compile(r"(<!-- bench:([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

Sections = dict[str, dict[str, Any]]


def read(folder: Path) -> Sections:
    """Return the sections that were measured, by name."""
    found = {name: figures.load(folder, name) for name in SECTIONS}
    return {name: content for name, content in found.items() if content}


def checks(sections: Sections) -> list[limits.Check]:
    """Return all figures that have a limit."""
    return [
        *limits.of_side_by_side(figures.rows(sections.get("worker"))),
        *limits.of_cold_start(sections.get("cold", {}).get("to_default", {})),
        *limits.of_memory(sections.get("memory", {}).get("entries", [])),
        *limits.of_growth(words.per_item(sections.get("growth", {}))),
    ]


def as_text(sections: Sections) -> str:
    """Return all tables for a terminal."""
    tables = {
        "Side by side": _side_by_side(sections),
        "From fork to user code": table.cold_start(sections.get("cold", {})),
        "Airflow's bare call": words.bare_table(sections.get("cold", {})),
        **words.growth_tables(sections.get("growth", {})),
        "Limits": table.limits(checks(sections)),
    }
    return "\n\n".join(f"{title}\n{table.as_text(cells)}" for title, cells in tables.items() if len(cells) > 1)


def write(folder: Path, page: Path = PAGE, chart_path: Path = CHART) -> None:
    """Put the figures into the page, and draw the chart."""
    sections = read(folder)
    found = chart.lines(
        figures.rows(sections.get("worker")), figures.rows(sections.get("server")), _cold_by_contender(sections)
    )
    if found:
        chart_path.write_text(chart.svg(found))
    page.write_text(filled(page.read_text(), sections))


def filled(text: str, sections: Sections) -> str:
    """Return a page with its marked parts written anew.

    Raises:
        ValueError: A mark names a part that there is none of.
    """

    def fill(match: re.Match[str]) -> str:
        if match[2] not in PARTS:
            raise ValueError(f"docs/performance.md has a mark for {match[2]!r}; there are {sorted(PARTS)}")
        return f"{match[1]}{PARTS[match[2]](sections) or _NOT_MEASURED}\n{match[3]}"

    return _MARKED.sub(fill, text)


def _side_by_side(sections: Sections) -> table.Cells:
    return table.side_by_side(figures.rows(sections.get("worker")), figures.rows(sections.get("server")))


def _markdown(cells: table.Cells) -> str:
    return table.as_markdown(cells) if len(cells) > 1 else ""


def _chart(sections: Sections) -> str:
    return f"![Times by backend, logarithmic scale]({CHART.name})" if "worker" in sections else ""


def _cold_by_contender(sections: Sections) -> dict[str, float]:
    names = {"default": "default", "object": "object", "worker": "ours", "server": "server"}
    phases: Mapping[str, Any] = sections.get("cold", {}).get("phases", {})
    return {names[name]: phases[name]["all"]["median"] for name in names if name in phases}


#: Name of a mark -> what comes there.
PARTS: dict[str, Callable[[Sections], str]] = {
    "machine": words.machine,
    "chart": _chart,
    "side-by-side": lambda sections: _markdown(_side_by_side(sections)),
    "cold": lambda sections: _markdown(table.cold_start(sections.get("cold", {}))),
    "bare": lambda sections: _markdown(words.bare_table(sections.get("cold", {}))),
    "memory": lambda sections: _markdown(words.memory_table(sections.get("memory", {}))),
    "limits": lambda sections: _markdown(table.limits(checks(sections))),
    "growth": lambda sections: words.growth(sections.get("growth", {})),
    "one-redis": lambda sections: words.one_redis(sections.get("growth", {})),
    "cluster": lambda sections: words.cluster(sections.get("growth", {})),
}
