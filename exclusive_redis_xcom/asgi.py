"""What `airflow api-server --apps execution` serves, with ring and watch; see docs/execution-only-server.md.

That command loads no plugin, hence no ring: tasks could then write each other's XComs, and none could open a sealed
one. Nor does it watch over XCom rows, so that no task pulls directly. Importing this module builds the app, so that a
server whose settings are wrong does not start at all.

Raises:
    ConfigurationError: The settings ask for neither, or the keys that the ring needs are missing or wrong.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.api_server.watch.middleware import Watch
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.settings import SECTION, load_settings

if TYPE_CHECKING:
    from fastapi import FastAPI


def _execution_app() -> FastAPI:
    # As in airflow/api_fastapi/main.py, and like there before Airflow is imported: it selects the secrets backends.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    settings = load_settings()
    if not settings.by_server and not settings.pulls_directly:
        raise ConfigurationError(
            f"[{SECTION}] enforcement is not 'server' and direct_pulls is 'off': there is nothing to put around the "
            "Execution API. Start 'airflow api-server --apps execution' instead of exclusive_redis_xcom.asgi."
        )
    from airflow.api_fastapi.app import create_app
    from starlette.middleware import Middleware

    app: FastAPI = create_app("execution")
    # Innermost, where Airflow puts the middlewares of plugins.
    app.user_middleware += [Middleware(Ring), Middleware(Watch)]
    # Starlette would make them at the first request, and answer 500 from then on if the ring cannot be made.
    app.middleware_stack = app.build_middleware_stack()
    return app


execution_app = _execution_app()
