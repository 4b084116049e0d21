"""The chart of docs/performance.md: each operation a line, each contender a dot on a logarithmic scale. Plain SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from benchmarks.contenders import DEFAULT, FLOOR, OBJECT, OURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.figures import Row

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


@dataclass(frozen=True)
class Line:
    """One line of the chart: times in ms by contender."""

    label: str
    times: Mapping[str, float]


@dataclass(frozen=True)
class Scale:
    """A logarithmic scale over whole powers of ten."""

    low: int
    high: int

    @classmethod
    def over(cls, times: Sequence[float]) -> Scale:
        """Return the narrowest that shows them all."""
        low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
        return cls(low, max(high, low + 1))

    def x(self, time: float) -> float:
        """Return where a time is, in pixels."""
        share = (math.log10(time) - self.low) / (self.high - self.low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def lines(worker: Sequence[Row], server: Sequence[Row], cold: Mapping[str, float]) -> list[Line]:
    """Return a line for each row, and one for the cold start by contender."""
    others = {(row.operation, row.value): row for row in server}
    found = [
        Line(f"{row.operation} {row.value}", _times(row, others.get((row.operation, row.value)))) for row in worker
    ]
    return [*found, *([Line("fork to user code, one argument", cold)] if cold else [])]


def svg(found: Sequence[Line]) -> str:
    """Draw the lines."""
    scale = Scale.over([time for line in found for time in line.times.values()])
    height = _TOP + _LINE * len(found) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-label="Times of pushes and pulls by backend, in milliseconds on a logarithmic scale">',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
        *_legend(),
        *_grid(scale, height),
        *(part for number, line in enumerate(found) for part in _line(line, _TOP + _LINE * number + 14, scale)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _times(row: Row, other: Row | None) -> dict[str, float]:
    times = {name: row.spans[name].median for name in (DEFAULT, OBJECT, OURS, FLOOR) if name in row.spans}
    if other is not None and OURS in other.spans:
        times[SERVER] = other.spans[OURS].median
    return times


def _legend() -> Iterator[str]:
    x = 20.0
    for text, colour in LEGEND.values():
        yield f'<circle cx="{x:.0f}" cy="20" r="5" fill="{colour}"/><text x="{x + 10:.0f}" y="24">{escape(text)}</text>'
        x += 40 + 7.0 * len(text)


def _grid(scale: Scale, height: int) -> Iterator[str]:
    for power in range(scale.low, scale.high + 1):
        x = scale.x(10.0**power)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 8}" y2="{height - 22}"/>'
        yield f'<text x="{x:.1f}" y="{_TOP - 14}" text-anchor="middle">{10.0**power:g} ms</text>'


def _line(line: Line, y: float, scale: Scale) -> Iterator[str]:
    yield f'<text x="{_LEFT - 14}" y="{y + 4:.0f}" text-anchor="end">{escape(line.label)}</text>'
    if not line.times:
        return
    first, last = scale.x(min(line.times.values())), scale.x(max(line.times.values()))
    yield f'<line class="line" x1="{first:.1f}" x2="{last:.1f}" y1="{y:.0f}" y2="{y:.0f}"/>'
    for name, (text, colour) in LEGEND.items():
        if name in line.times:
            title = f"<title>{escape(f'{line.label}, {text}: {line.times[name]:.3g} ms')}</title>"
            yield f'<circle cx="{scale.x(line.times[name]):.1f}" cy="{y:.0f}" r="5" fill="{colour}">{title}</circle>'
