"""Render a page. The templates escape every text."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi.responses import HTMLResponse

from exclusive_redis_xcom.access.overview.drawing import template_loader
from exclusive_redis_xcom.pages.moments import moment
from exclusive_redis_xcom.pages.paths import PREFIX

if TYPE_CHECKING:
    from fastapi import Request

_TEMPLATES = Path(__file__).parent / "templates"


def page(request: Request, template: str, /, status: int = 200, **variables: object) -> HTMLResponse:
    """Render a template to an answer.

    Args:
        request: What is answered. It tells behind which path prefix the API server is.
        template: The template's name.
        status: The HTTP status.
        variables: What the template names.
    """
    airflow = airflow_path(request)
    text = environment().get_template(template).render(pages=airflow + PREFIX, airflow=airflow, **variables)
    # What tasks wrote may hold half of a character, which is no text for a browser.
    return HTMLResponse(text.encode("utf-8", "replace"), status_code=status)


def airflow_path(request: Request) -> str:
    """Return what the paths of Airflow's own pages begin with: "", or the prefix of a proxy."""
    return str(request.scope.get("root_path", "")).removesuffix(PREFIX)


def in_path(text: str) -> str:
    """Write an id as a part of a path, as Airflow's UI does: it marks the open tab if both are written alike."""
    return quote(text, safe=":+", errors="replace")


@functools.lru_cache(maxsize=1)
def environment() -> Any:
    """Return the templates of the pages, and those of the picture of access."""
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=ChoiceLoader([FileSystemLoader(_TEMPLATES), template_loader()]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.globals["moment_of"] = moment
    found.filters["in_path"] = in_path
    return found
