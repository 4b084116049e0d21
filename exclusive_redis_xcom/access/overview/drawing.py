"""Access as SVG, and as one HTML page that needs no network and no script.

The templates escape every text. Colours are in the style sheet alone, which follows the light or dark theme of the
screen. So the same templates serve a file and a page of Airflow.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.access.overview.layout import place
from exclusive_redis_xcom.access.overview.matrix import matrix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.access.overview.graph import Picture

_TEMPLATES = Path(__file__).parent / "templates"
_BETWEEN = 36  # pixels between the pictures of two DAGs
_LEGEND = 40


def svg(pictures: Iterable[Picture]) -> str:
    """Draw all pictures below each other, as one SVG file."""
    placed = [place(picture) for picture in pictures]
    tops, top = [], float(_LEGEND)
    for each in placed:
        tops.append(top)
        top += each.height + _BETWEEN
    return _rendered(
        "access.svg.j2",
        drawn=list(zip(tops, placed, strict=True)),
        width=max([420.0, *(each.width for each in placed)]),
        height=top,
    )


def html(pictures: Iterable[Picture], *, notes: Iterable[str] = ()) -> str:
    """Write the page: for each DAG a picture and a matrix.

    Args:
        pictures: The pictures.
        notes: Sentences about what the page cannot know.
    """
    dags = [(picture, place(picture), matrix(picture)) for picture in pictures]
    xcoms = sum(picture.xcoms for picture, _, _ in dags)
    return _rendered("access.html.j2", dags=dags, xcoms=xcoms, notes=list(notes))


def _rendered(name: str, **variables: object) -> str:
    text: str = _environment().get_template(name).render(variables)
    return text


def template_loader() -> Any:
    """Return what loads the templates of this folder."""
    from jinja2 import FileSystemLoader

    return FileSystemLoader(_TEMPLATES)


@functools.lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, StrictUndefined

    return Environment(
        loader=template_loader(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
