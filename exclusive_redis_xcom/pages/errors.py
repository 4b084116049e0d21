"""Errors as pages: each says what is wrong in one sentence, and nothing about what it hides."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from exclusive_redis_xcom.access.undecided import NoSuchDagError, UndecidedError
from exclusive_redis_xcom.errors import ExclusiveXComError, StoreUnavailable
from exclusive_redis_xcom.pages.rendering import page

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("exclusive_redis_xcom")

_TITLES = {
    401: "Not logged in",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible",
    422: "Wrong address",
    503: "Not known now",
}
_TEXTS = {
    401: "You are not logged in, or your session has ended. Reload Airflow.",
    403: "Airflow does not let you see this. Ask for the permission to read XComs of this DAG.",
    404: "There is nothing at this address.",
    405: "This address cannot be used in that way.",
    422: "The address of this page is wrong. Go back to Airflow, and open the page there.",
}
_FAILED = "This page failed. The log of the API server says where."


class PageError(HTTPException):
    """A page that cannot be shown, for a reason that this user may know.

    Args:
        status: The HTTP status.
        text: The reason, as a sentence or two.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status)
        self.text = text


def add_handlers(app: FastAPI) -> None:
    """Answer every known error with a page."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _wrong_address)
    app.add_exception_handler(ExclusiveXComError, _undecided)
    app.add_exception_handler(UndecidedError, _undecided)


def with_failures(app: ASGIApp) -> ASGIApp:
    """Return the app with a page for every other error. The error itself may quote anything, so nobody sees it."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await app(scope, receive, sent)
        except Exception as error:
            log.error("A page of XComs failed: %s at %s", type(error).__name__, _place(error))
            if not started and scope["type"] == "http":
                await _page(Request(scope), 500, _FAILED)(scope, receive, send)

    return served


def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = error.text if isinstance(error, PageError) else _TEXTS.get(status, _FAILED)
    return _page(request, status, text)


def _wrong_address(request: Request, _error: Exception) -> Response:
    return _page(request, 422, _TEXTS[422])


def _undecided(request: Request, error: Exception) -> Response:
    if isinstance(error, StoreUnavailable):  # its text names hosts
        return _page(request, 503, "Redis does not answer now, so this page cannot be shown.")
    status = 404 if isinstance(error, NoSuchDagError) else 503
    return _page(request, status, str(error).partition("\n")[0])


def _page(request: Request, status: int, text: str) -> Response:
    return page(request, "error.html.j2", status=status, title=_TITLES.get(status, "Not shown"), text=text)


def _place(error: Exception) -> str:
    """Return where an error was raised: the last line of this package, and the last line of all."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "exclusive_redis_xcom" in frame.filename]
    named = dict.fromkeys(f"{frame.filename}:{frame.lineno}" for frame in [*ours[-1:], *frames[-1:]])
    return ", ".join(named)
