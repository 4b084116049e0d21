"""The style sheet and the script of all pages. They hold nothing about anybody, so everybody may load them."""

from __future__ import annotations

import functools
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from exclusive_redis_xcom.pages.rendering import environment

_STATIC = Path(__file__).parent / "static"
#: The files change with the package, and it is installed again then.
_KEPT = {"cache-control": "max-age=600"}

router = APIRouter(prefix="/static")


@router.get("/pages.css")
def style() -> Response:
    """Return the style sheet."""
    return Response(_style(), media_type="text/css", headers=_KEPT)


@router.get("/pages.js")
def script() -> Response:
    """Return the script."""
    return Response(_script(), media_type="text/javascript", headers=_KEPT)


@functools.lru_cache(maxsize=1)
def _style() -> str:
    text: str = environment().get_template("pages.css.j2").render()
    return text


@functools.lru_cache(maxsize=1)
def _script() -> str:
    return (_STATIC / "pages.js").read_text(encoding="utf-8")
