"""Errors as pages: each says what is wrong in one sentence, and nothing about what it hides."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from exclusive_redis_xcom.access.undecided import NoSuchDagError, UndecidedError
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.pages.rendering import page

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from starlette.responses import Response

log = logging.getLogger("exclusive_redis_xcom")

_TEXTS = {
    401: "You are not logged in, or your session has ended. Reload Airflow.",
    403: "You may not see this. Airflow's permissions decide it: reading XComs of the DAG is needed.",
    404: "There is nothing here.",
    405: "This page cannot be used in that way.",
    422: "The address of this page is wrong.",
}


def add_handlers(app: FastAPI) -> None:
    """Answer every error with a page."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _wrong_address)
    app.add_exception_handler(ExclusiveXComError, _ours)
    app.add_exception_handler(UndecidedError, _ours)
    app.add_exception_handler(Exception, _failed)


def _refused(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 500)
    return _page(request, status, _TEXTS.get(status, "This page cannot be shown."))


def _wrong_address(request: Request, _error: Exception) -> Response:
    return _page(request, 422, _TEXTS[422])


def _ours(request: Request, error: Exception) -> Response:
    return _page(request, 404 if isinstance(error, NoSuchDagError) else 503, str(error).splitlines()[0])


def _failed(request: Request, error: Exception) -> Response:
    log.error("An XCom page failed: %s", type(error).__name__)
    return _page(request, 500, "This page failed. The API server's log has the kind of error.")


def _page(request: Request, status: int, text: str) -> Response:
    return page(request, "error.html.j2", status=status, title=f"{status}", text=text)
