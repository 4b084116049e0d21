"""The chart of the docs' page on performance, as SVG: a line for each operation, a dot for each contender."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from benchmarks import figures
from benchmarks.contenders import DEFAULT, FLOOR, OBJECT, OURS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Sections

SERVER = "server"
#: Contender -> its name in the legend, and a colour that does on light and dark ground.
LEGEND = {
    DEFAULT: ("default backend", "#d1495b"),
    OBJECT: ("object storage, file://", "#e5a03f"),
    OURS: ("this project, worker mode", "#2a8f6d"),
    SERVER: ("this project, server mode", "#3f88c5"),
    FLOOR: ("floor: redis-py SET/GET", "#8d99ae"),
}
_LEFT, _RIGHT, _TOP, _LINE, _WIDTH = 300, 30, 70, 24, 960
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.grid{stroke:#d0d7de;stroke-width:1}.line{stroke:#afb8c1}"
    ".ground{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117}"
    ".grid{stroke:#30363d}.line{stroke:#484f58}}"
)


def lines(sections: Sections) -> dict[str, dict[str, float]]:
    """Return operation -> contender -> median in ms."""
    found: dict[str, dict[str, float]] = {}
    for row in figures.rows(sections.get("worker")):
        found[row.name] = {name: spans.median for name, spans in row.spans.items() if name in LEGEND}
    for row in figures.rows(sections.get("server")):
        if row.name in found and OURS in row.spans:
            found[row.name][SERVER] = row.spans[OURS].median
    phases = sections.get("cold", {}).get("phases", {})
    variants = {DEFAULT: "default", OBJECT: "object", OURS: "worker", SERVER: "server"}
    cold = {name: phases[one]["all"]["median"] for name, one in variants.items() if one in phases}
    return {**found, **({"fork to user code, one argument": cold} if cold else {})}


def svg(found: dict[str, dict[str, float]]) -> str:
    """Draw the lines."""
    times = [time for line in found.values() for time in line.values()]
    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    height = _TOP + _LINE * len(found) + 30

    def x(time: float) -> float:
        return _LEFT + (math.log10(time) - low) / max(high - low, 1) * (_WIDTH - _LEFT - _RIGHT)

    def grid() -> Iterator[str]:
        for time in (10.0**power for power in range(low, high + 1)):
            yield f'<line class="grid" x1="{x(time):.1f}" x2="{x(time):.1f}" y1="{_TOP - 8}" y2="{height - 22}"/>'
            yield f'<text x="{x(time):.1f}" y="{_TOP - 14}" text-anchor="middle">{time:g} ms</text>'

    def line(label: str, times: dict[str, float], y: int) -> Iterator[str]:
        yield f'<text x="{_LEFT - 14}" y="{y + 4}" text-anchor="end">{escape(label)}</text>'
        if times:
            ends = (x(end(times.values())) for end in (min, max))
            yield '<line class="line" x1="{:.1f}" x2="{:.1f}" y1="{y}" y2="{y}"/>'.format(*ends, y=y)
        for name, time in sorted(times.items(), key=lambda item: list(LEGEND).index(item[0])):
            text, colour = LEGEND[name]
            title = f"<title>{escape(f'{label}, {text}: {time:.3g} ms')}</title>"
            yield f'<circle cx="{x(time):.1f}" cy="{y}" r="5" fill="{colour}">{title}</circle>'

    drawn = (part for n, item in enumerate(found.items()) for part in line(*item, _TOP + _LINE * n + 14))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-label="Times of pushes and pulls by backend, in milliseconds on a logarithmic scale">'
    )
    ground = f'<rect class="ground" width="{_WIDTH}" height="{height}"/>'
    return "\n".join([head, f"<style>{_STYLE}</style>", ground, *_legend(), *grid(), *drawn, "</svg>"]) + "\n"


def _legend() -> Iterator[str]:
    x = 20.0
    for text, colour in LEGEND.values():
        yield f'<circle cx="{x:.0f}" cy="20" r="5" fill="{colour}"/><text x="{x + 10:.0f}" y="24">{escape(text)}</text>'
        x += 40 + 7.0 * len(text)
