"""A picture of boxes in a grid, with arrows between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from devtools.pictures import svg
from devtools.pictures.text import LINE, balanced, width, wrapped

if TYPE_CHECKING:
    from devtools.pictures.source import Arrow, Box, Picture


@dataclass(frozen=True, slots=True)
class _Placed:
    """A box with its place."""

    box: Box
    x: float
    y: float
    wide: float
    high: float


def drawn(picture: Picture) -> str:
    """Return the SVG of a map."""
    placed, bottom = _placed(picture)
    body: list[str] = []
    for arrow in picture.arrows:
        body += _arrow(arrow, placed[arrow.start], placed[arrow.end])
    for one in placed.values():
        body += _box(one)
    return svg.document(picture, body, bottom)


def _placed(picture: Picture) -> tuple[dict[str, _Placed], float]:
    column = (svg.WIDTH - 2 * svg.PADDING - (picture.columns - 1) * picture.gap) / picture.columns
    placed: dict[str, _Placed] = {}
    y = float(svg.PADDING)
    rows = sorted({box.row for box in picture.boxes})
    for row in rows:
        boxes = [box for box in picture.boxes if box.row == row]
        wides = {box.name: box.span * column + (box.span - 1) * picture.gap for box in boxes}
        high = max(_height(box, wides[box.name]) for box in boxes)
        for box in boxes:
            x = svg.PADDING + (box.column - 1) * (column + picture.gap)
            placed[box.name] = _Placed(box, x, y, wides[box.name], high)
        y += high + _gap_below(picture, row)
    return placed, y


def _gap_below(picture: Picture, row: int) -> float:
    """Return the room that the texts of arrows need which cross the gap below a row."""
    rows = {box.name: box.row for box in picture.boxes}
    texts = [
        len(wrapped(arrow.text, arrow.wide))
        for arrow in picture.arrows
        if {rows[arrow.start], rows[arrow.end]} == {row, row + 1}
    ]
    return 14 if not texts else 34 + LINE * max(texts)


def _texts(box: Box, wide: float) -> tuple[list[str], list[str]]:
    most = wide - 20
    return wrapped(box.title, most, bold=True), [line for text in box.lines for line in wrapped(text, most)]


def _height(box: Box, wide: float) -> float:
    titles, texts = _texts(box, wide)
    return 16 + LINE * (len(titles) + len(texts))


def _box(one: _Placed) -> list[str]:
    titles, texts = _texts(one.box, one.wide)
    x = one.x + 10
    return [
        svg.box(one.x, one.y, one.wide, one.high, one.box.tone),
        *svg.lines(titles, x, one.y + 7, css="text bold", anchor="start"),
        *svg.lines(texts, x, one.y + 7 + LINE * len(titles), anchor="start"),
    ]


def _arrow(arrow: Arrow, start: _Placed, end: _Placed) -> list[str]:
    if start.box.row == end.box.row:
        return _sideways(arrow, start, end)
    is_down = start.box.row < end.box.row
    upper, lower = (start, end) if is_down else (end, start)
    left, right = max(upper.x, lower.x), min(upper.x + upper.wide, lower.x + lower.wide)
    x = (left + right) / 2 + arrow.shift
    top, bottom = upper.y + upper.high, lower.y
    line = (
        svg.arrow((x, top), (x, bottom - 1), arrow.tone)
        if is_down
        else svg.arrow((x, bottom), (x, top + 1), arrow.tone)
    )
    if not arrow.text:
        return [line]
    broken = balanced(arrow.text, arrow.wide)
    wide = max(map(width, broken))
    y = (top + bottom) / 2 - LINE * len(broken) / 2
    x = min(max(x, svg.PADDING + wide / 2), svg.WIDTH - svg.PADDING - wide / 2)
    return [line, svg.paper(x - wide / 2 - 2, y, wide + 4, LINE * len(broken)), *svg.lines(broken, x, y)]


def _sideways(arrow: Arrow, start: _Placed, end: _Placed) -> list[str]:
    y = start.y + start.high / 2 + arrow.shift
    if start.x < end.x:
        return [svg.arrow((start.x + start.wide, y), (end.x - 1, y), arrow.tone)]
    return [svg.arrow((start.x, y), (end.x + end.wide + 1, y), arrow.tone)]
