"""Where the parts of a picture stand: producers on the left, consumers on the right.

Consumers stand in the order of the keys that they may pull, so few lines cross.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from exclusive_redis_xcom.access.answers import Verdict
from exclusive_redis_xcom.access.printable import cut, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exclusive_redis_xcom.access.overview.graph import Picture, Producer

_CHARACTER = 7.3  # pixels, in the font of the template
_LONGEST = 46  # characters of a label
_LINE = 20
_PADDING = 10
_GAP = 12
_HEADING = 34
_BETWEEN = 190  # pixels between the columns, for the lines
_NOBODY = "nobody else"


class Text(NamedTuple):
    """A text and its place. `title` is the whole text, where it was cut."""

    x: float
    y: float
    text: str
    title: str


class Rectangle(NamedTuple):
    """A box. `kind` is "producer", "task" or "group"."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    label: Text


class Key(NamedTuple):
    """A key in a producer's box."""

    label: Text
    note: Text
    has_readers: bool


class Curve(NamedTuple):
    """A line from a key to a consumer, as an SVG path."""

    path: str
    is_certain: bool
    title: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture with all places, in pixels."""

    dag_id: Text
    width: float
    height: float
    boxes: tuple[Rectangle, ...]
    keys: tuple[Key, ...]
    curves: tuple[Curve, ...]


def place(picture: Picture) -> Placed:
    """Place all parts of a picture."""
    left = _width(text for producer in picture.producers for text in _texts(producer))
    right = _width(cut(box.label, _LONGEST) for box in picture.consumers)
    boxes, keys, anchors = _left(picture, left)
    wanted = _wanted(picture, anchors)
    tops, bottom = _stacked(wanted)
    height = max(bottom, *(box.y + box.height for box in boxes)) if boxes else bottom
    x = left + _BETWEEN
    kinds = ("group" if box.is_group else "task" for box in picture.consumers)
    boxes += [
        Rectangle(x, top, right, _LINE + 8, kind, _text(x + _PADDING, top + 19, box.label, box.title))
        for top, box, kind in zip(tops, picture.consumers, kinds, strict=True)
    ]
    return Placed(
        _text(0, 20, picture.dag_id, picture.dag_id),
        x + right,
        height,
        tuple(boxes),
        tuple(keys),
        tuple(_curves(picture, anchors, tops, left, x)),
    )


def _left(picture: Picture, width: float) -> tuple[list[Rectangle], list[Key], dict[tuple[int, int], float]]:
    """Place the producers. `anchors` are the heights at which the lines of a producer's row begin."""
    boxes, keys, anchors = [], [], {}
    top: float = _HEADING
    for number, producer in enumerate(picture.producers):
        height = 8 + _LINE * (1 + len(producer.rows))
        label = _text(_PADDING, top + 18, producer.box.label, producer.box.title)
        boxes.append(Rectangle(0, top, width, height, "producer", label))
        for index, row in enumerate(producer.rows):
            middle = top + 4 + _LINE * (index + 1.5)
            anchors[number, index] = middle
            note = row.further if row.lines else _NOBODY
            keys.append(
                Key(
                    _text(2 * _PADDING, middle + 4, row.key, f"{row.key}: {row.rule}"),
                    _text(width - _PADDING, middle + 4, note, row.rule),
                    bool(row.lines),
                )
            )
        top += height + _GAP
    return boxes, keys, anchors


def _wanted(picture: Picture, anchors: dict[tuple[int, int], float]) -> list[float]:
    """Return the height that suits each consumer best: the mean of where its lines begin."""
    begun: list[list[float]] = [[] for _ in picture.consumers]
    for number, producer in enumerate(picture.producers):
        for index, row in enumerate(producer.rows):
            for line in row.lines:
                begun[line.target].append(anchors[number, index])
    return [sum(each) / len(each) for each in begun]


def _stacked(wanted: Sequence[float]) -> tuple[list[float], float]:
    """Return the top of each consumer, and the bottom of the last: near what is wanted, one below the other."""
    height = _LINE + 8
    tops = [0.0] * len(wanted)
    top: float = _HEADING
    for number in sorted(range(len(wanted)), key=lambda each: wanted[each]):
        tops[number] = top = max(top, wanted[number] - height / 2)
        top += height + _GAP
    return tops, max((each + height for each in tops), default=0)


def _curves(
    picture: Picture, anchors: dict[tuple[int, int], float], tops: Sequence[float], x: float, to: float
) -> Iterable[Curve]:
    middle = (x + to) / 2
    for number, producer in enumerate(picture.producers):
        for index, row in enumerate(producer.rows):
            for line in row.lines:
                y, end = anchors[number, index], tops[line.target] + (_LINE + 8) / 2
                path = f"M{x:.0f} {y:.0f}C{middle:.0f} {y:.0f} {middle:.0f} {end:.0f} {to - 7:.0f} {end:.0f}"
                who = picture.consumers[line.target].title
                may = "may" if line.verdict is Verdict.YES else "perhaps may"
                title = f"{who} {may} pull '{row.key}' of {producer.box.title}: {row.rule}"
                yield Curve(path, line.verdict is Verdict.YES, printable(title))


def _texts(producer: Producer) -> Iterable[str]:
    yield cut(producer.box.label, _LONGEST)
    for row in producer.rows:
        note = row.further if row.lines else _NOBODY
        yield f"  {cut(row.key, _LONGEST)}  {note}"


def _text(x: float, y: float, text: str, title: str) -> Text:
    return Text(x, y, cut(text, _LONGEST), printable(title))


def _width(texts: Iterable[str]) -> float:
    return 2 * _PADDING + _CHARACTER * max((_columns(printable(text)) for text in texts), default=10)


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)
