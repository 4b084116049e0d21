"""What a source of a picture may say. Anything else is an error that names the file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import yaml

if TYPE_CHECKING:
    from pathlib import Path

#: What a box or an arrow is about. Each tone has a colour for light pages and one for dark pages (svg.py).
TONES: Final = ("plain", "value", "locked", "key", "reference")

_T = TypeVar("_T")


class SourceError(ValueError):
    """A source says something that no picture can show."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who takes part in the steps: a process or a server."""

    name: str
    label: str
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step: something happens at one person, or goes from one to another."""

    text: str
    at: str = ""
    start: str = ""
    end: str = ""
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Box:
    """One box of a map."""

    name: str
    title: str
    row: int
    column: int = 1
    span: int = 1
    lines: tuple[str, ...] = ()
    tone: str = "plain"


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow between two boxes of a map.

    `shift` moves it sideways, in pixels, past another arrow. `wide` is how wide its text may be.
    """

    start: str
    end: str
    text: str = ""
    tone: str = "plain"
    shift: int = 0
    wide: int = 520


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole source."""

    title: str
    description: str
    people: tuple[Person, ...] = ()
    steps: tuple[Step, ...] = ()
    columns: int = 1
    gap: int = 24
    boxes: tuple[Box, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()


def load(path: Path) -> Picture:
    """Read a source.

    Raises:
        SourceError: The source is not one. The text names the file.
    """
    try:
        return _picture(yaml.safe_load(path.read_text()))
    except (SourceError, TypeError, yaml.YAMLError) as error:
        raise SourceError(f"{path.name}: {error}") from error


def _picture(raw: dict[str, Any]) -> Picture:
    picture = _made(
        Picture,
        {
            **raw,
            "description": " ".join(raw.get("description", "").split()),
            "people": tuple(_made(Person, one) for one in raw.get("people", ())),
            "steps": tuple(_made(Step, one) for one in raw.get("steps", ())),
            "boxes": tuple(_made(Box, one) for one in raw.get("boxes", ())),
            "arrows": tuple(_made(Arrow, one) for one in raw.get("arrows", ())),
            "legend": tuple(raw.get("legend", {}).items()),
        },
    )
    _check(picture)
    return picture


def _made(cls: type[_T], raw: dict[str, Any]) -> _T:
    names = {"from": "start", "to": "end"}
    fields = {names.get(key, key): tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(fields) - known)
    if unknown:
        raise SourceError(f"{cls.__name__} has no field {unknown[0]!r}. It has: {', '.join(sorted(known))}.")
    return cls(**fields)


def _check(picture: Picture) -> None:
    if bool(picture.steps) == bool(picture.boxes):
        raise SourceError("A picture has either steps or boxes.")
    if not picture.description:
        raise SourceError("A picture needs a description for people who do not see it.")
    people = {one.name for one in picture.people}
    boxes = {one.name for one in picture.boxes}
    for step in picture.steps:
        _require({step.at} if step.at else {step.start, step.end}, people)
    for arrow in picture.arrows:
        _require({arrow.start, arrow.end}, boxes)
    tones = {step.tone for step in picture.steps} | {box.tone for box in picture.boxes}
    tones |= {arrow.tone for arrow in picture.arrows} | {tone for tone, _ in picture.legend}
    _require(tones, set(TONES))


def _require(names: set[str], known: set[str]) -> None:
    unknown = sorted(names - known)
    if unknown:
        raise SourceError(f"{unknown[0]!r} is none of: {', '.join(sorted(known))}.")
