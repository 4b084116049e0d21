"""The FastAPI app of the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from exclusive_redis_xcom.pages import errors, static_files
from exclusive_redis_xcom.pages.access import route as access
from exclusive_redis_xcom.pages.overview import route as overview
from exclusive_redis_xcom.pages.xcoms import route as xcoms

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def application() -> ASGIApp:
    """Build the app, with a page for every failure."""
    return errors.with_failures(fastapi_app())


def fastapi_app() -> FastAPI:
    """Build the app with its routes."""
    app = FastAPI(title="exclusive-redis-xcom", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    errors.add_handlers(app)
    for router in (static_files.router, access.router, xcoms.router, overview.router):
        app.include_router(router)
    return app
