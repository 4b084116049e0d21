"""SVG elements, in colours for light and dark pages. Fonts are generic, and every text is a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

from devtools.pictures.text import LINE, SIZE, balanced, width

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devtools.pictures.source import Picture

WIDTH: Final = 640
PADDING: Final = 10
_LEGEND: Final = 30

#: Tone -> the fill of a box and the colour of its lines and arrows, light and dark.
_COLOURS: Final = {
    "plain": (("#f3f4f6", "#4b5563"), ("#22262d", "#9ca3af")),
    "value": (("#ffedd5", "#c2410c"), ("#43220f", "#fb923c")),
    "locked": (("#dbeafe", "#1d4ed8"), ("#172a4d", "#7db0ff")),
    "key": (("#fef3c7", "#a16207"), ("#3b2f0b", "#facc15")),
    "reference": (("#dcfce7", "#15803d"), ("#12351f", "#4ade80")),
}
_PAGE: Final = (("#ffffff", "#111827", "#d1d5db"), ("#14171c", "#e5e7eb", "#3f4650"))


def document(picture: Picture, body: Sequence[str], height: float) -> str:
    """Return a whole SVG file. The background is part of it, so it fits a page of either colour."""
    body = [*body, *_legend(picture, height)]
    height += _LEGEND * _legend_rows(picture) + (4 if picture.legend else 0)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
            f'viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-labelledby="title description">',
            f'<title id="title">{escape(picture.title)}</title>',
            f'<desc id="description">{escape(picture.description)}</desc>',
            f"<style>\n{_style()}\n</style>",
            *_arrowheads(),
            f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8"/>',
            *body,
            "</svg>\n",
        ]
    )


def box(x: float, y: float, wide: float, high: float, tone: str = "plain") -> str:
    """Return a box with round corners."""
    return f'<rect class="box {tone}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="6"/>'


def paper(x: float, y: float, wide: float, high: float) -> str:
    """Return a patch of the background, for a text that stands on lines."""
    return f'<rect class="paper" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}"/>'


def lines(texts: Sequence[str], x: float, y: float, *, css: str = "", anchor: str = "middle") -> list[str]:
    """Return lines of text; `y` is the top of the first."""
    return [
        f'<text class={quoteattr(css or "text")} x="{x:.1f}" y="{y + SIZE + i * LINE - 1:.1f}" '
        f'text-anchor="{anchor}">{escape(line)}</text>'
        for i, line in enumerate(texts)
    ]


def arrow(start: tuple[float, float], end: tuple[float, float], tone: str = "plain") -> str:
    """Return an arrow."""
    return (
        f'<line class="arrow {tone}" x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}" '
        f'marker-end="url(#head-{tone})"/>'
    )


def label(text: str, x: float, y: float, most: float, tone: str = "plain") -> tuple[list[str], float]:
    """Return a text above `y`, within the picture and around `x`, and its height."""
    broken = balanced(text, most)
    wide = max(map(width, broken))
    x = min(max(x, PADDING + wide / 2), WIDTH - PADDING - wide / 2)
    high = LINE * len(broken)
    return [paper(x - wide / 2 - 2, y, wide + 4, high), *lines(broken, x, y, css=f"text {tone}")], high


def _legend(picture: Picture, top: float) -> list[str]:
    body = []
    beside = _legends_in_a_row(picture)
    for i, (tone, text) in enumerate(picture.legend):
        x, y = PADDING + 8 + (i % beside) * (WIDTH / beside), top + _LEGEND * (i // beside)
        body += [box(x, y + 4, 18, 18, tone), *lines([text], x + 26, y + 2, anchor="start")]
    return body


def _legends_in_a_row(picture: Picture) -> int:
    return 2 if all(width(text) < WIDTH / 2 - 50 for _, text in picture.legend) else 1


def _legend_rows(picture: Picture) -> int:
    return -(-len(picture.legend) // _legends_in_a_row(picture))


def _arrowheads() -> list[str]:
    return [
        f'<marker id="head-{tone}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path class="head {tone}" d="M0 0L10 5L0 10z"/></marker>'
        for tone in _COLOURS
    ]


def _style() -> str:
    common = [
        f"text {{ font: {SIZE}px sans-serif; }}",
        ".bold { font-weight: bold; }",
        ".arrow { stroke-width: 2; }",
        ".box { stroke-width: 1.5; }",
        ".life { stroke-width: 1.5; stroke-dasharray: 5 5; }",
    ]
    return "\n".join([*common, *_scheme(0), "@media (prefers-color-scheme: dark) {", *_scheme(1), "}"])


def _scheme(dark: int) -> list[str]:
    paper_colour, ink, line = _PAGE[dark]
    rules = [
        f".page {{ fill: {paper_colour}; stroke: {line}; }}",
        f".paper {{ fill: {paper_colour}; }}",
        f"text {{ fill: {ink}; }}",
        f".life {{ stroke: {line}; }}",
    ]
    for tone, schemes in _COLOURS.items():
        fill, stroke = schemes[dark]
        rules += [
            f".box.{tone} {{ fill: {fill}; stroke: {stroke}; }}",
            f".arrow.{tone} {{ stroke: {stroke}; }}",
            f".head.{tone} {{ fill: {stroke}; }}",
        ]
    return rules
