"""The app of `airflow api-server --apps execution`, with ring and watch; see docs/how-to/execution-only-server.md.

That command loads no plugin, so its server has no ring: tasks could write each other's XComs, and no task could open a
sealed one. It has no watch either, so no task pulls directly. The import of this module builds the app. So a server
with wrong settings does not start at all.

Raises:
    ConfigurationError: The settings ask for neither, or the keys that the ring needs are missing or wrong.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.api_server.slices.middleware import ShortSlices
from exclusive_redis_xcom.api_server.watch.middleware import Watch
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.settings import SECTION, load_settings

if TYPE_CHECKING:
    from fastapi import FastAPI


def _execution_app() -> FastAPI:
    # airflow/api_fastapi/main.py sets this, too, before it imports Airflow: it selects the secrets backends.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    settings = load_settings()
    if not settings.by_server and not settings.pulls_directly:
        raise ConfigurationError(
            "exclusive_redis_xcom.asgi has nothing to do: the Execution API needs neither ring nor watch.\n"
            f"[{SECTION}] enforcement is not 'server', and direct_pulls is 'off'.\n"
            "Start 'airflow api-server --apps execution' instead."
        )
    from airflow.api_fastapi.app import create_app
    from starlette.middleware import Middleware

    app: FastAPI = create_app("execution")
    # They go innermost, where Airflow puts the middlewares of plugins.
    app.user_middleware += [Middleware(Ring), Middleware(ShortSlices), Middleware(Watch)]
    # Starlette would make them at the first request, and answer 500 to everything if the ring cannot be made.
    app.middleware_stack = app.build_middleware_stack()
    return app


execution_app = _execution_app()
