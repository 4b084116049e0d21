"""A picture of steps: people side by side, and what goes from one to another, from top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from devtools.pictures import svg
from devtools.pictures.text import LINE, balanced, width, wrapped

if TYPE_CHECKING:
    from devtools.pictures.source import Person, Picture, Step

_MARGIN: Final = 84
_GAP: Final = 16


def drawn(picture: Picture) -> str:
    """Return the SVG of a picture of steps."""
    places = _places(picture)
    heads, top = _heads(picture, places)
    body: list[str] = []
    y = top + _GAP
    for number, step in enumerate(picture.steps, start=1):
        parts, high = _step(number, step, places, y)
        body += parts
        y += high + _GAP
    lives = [
        f'<line class="life" x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{y - _GAP / 2:.1f}"/>'
        for x in places.values()
    ]
    return svg.document(picture, [*lives, *heads, *body], y)


def _places(picture: Picture) -> dict[str, float]:
    between = (svg.WIDTH - 2 * _MARGIN) / max(1, len(picture.people) - 1)
    return {one.name: _MARGIN + i * between for i, one in enumerate(picture.people)}


def _heads(picture: Picture, places: dict[str, float]) -> tuple[list[str], float]:
    """Return the boxes at the top, and where they end."""
    most = min(156.0, (svg.WIDTH - 2 * _MARGIN) / max(1, len(picture.people) - 1) - 8)
    texts = {one.name: _head(one, most - 12) for one in picture.people}
    high = 12 + LINE * max(len(titles) + len(holds) for titles, holds in texts.values())
    body = []
    for name, (titles, holds) in texts.items():
        x = places[name]
        body += [
            svg.box(x - most / 2, svg.PADDING, most, high),
            *svg.lines(titles, x, svg.PADDING + 6, css="text bold"),
            *svg.lines(holds, x, svg.PADDING + 6 + LINE * len(titles)),
        ]
    return body, svg.PADDING + high


def _head(person: Person, most: float) -> tuple[list[str], list[str]]:
    return wrapped(person.label, most, bold=True), [line for text in person.holds for line in wrapped(text, most)]


def _step(number: int, step: Step, places: dict[str, float], y: float) -> tuple[list[str], float]:
    text = f"{number}. {step.text}"
    if step.at:
        return _inside(text, step, places[step.at], y)
    start, end = places[step.start], places[step.end]
    parts, high = svg.label(text, (start + end) / 2, y, max(abs(end - start) - 16, 330), step.tone)
    return [*parts, svg.arrow((start, y + high + 6), (end, y + high + 6), step.tone)], high + 10


def _inside(text: str, step: Step, x: float, y: float) -> tuple[list[str], float]:
    """Return a box on one person's line."""
    broken = balanced(text, 300)
    wide = max(map(width, broken)) + 20
    left = min(max(x - wide / 2, svg.PADDING), svg.WIDTH - svg.PADDING - wide)
    high = LINE * len(broken) + 10
    return [svg.box(left, y, wide, high, step.tone), *svg.lines(broken, left + wide / 2, y + 5)], high
