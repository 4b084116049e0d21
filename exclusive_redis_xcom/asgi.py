"""What ``airflow api-server --apps execution`` serves, with the ring around it; see docs/execution-only-server.md.

That command loads no plugin, hence no ring: tasks could then write each other's XComs, and none could open a sealed
one. Importing this module builds the app, so that a server whose settings are wrong does not start at all.

Raises:
    ConfigurationError: ``enforcement`` is not ``server``, or the keys that it needs are missing or wrong.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.ring.middleware import Ring
from exclusive_redis_xcom.settings import SECTION, load_settings

if TYPE_CHECKING:
    from fastapi import FastAPI


def _execution_app() -> FastAPI:
    # As in airflow/api_fastapi/main.py, and like there before Airflow is imported: it selects the secrets backends.
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"
    if not load_settings().by_server:
        raise ConfigurationError(
            f"[{SECTION}] enforcement is not 'server': there is no ring to put around the Execution API. Set it to "
            "'server', or start 'airflow api-server --apps execution' instead of exclusive_redis_xcom.asgi."
        )
    from airflow.api_fastapi.app import create_app
    from starlette.middleware import Middleware

    app: FastAPI = create_app("execution")
    # Innermost, where Airflow puts the middlewares of plugins.
    app.user_middleware.append(Middleware(Ring))
    # Starlette would make the ring at the first request, and answer 500 from then on if it cannot be made.
    app.middleware_stack = app.build_middleware_stack()
    return app


execution_app = _execution_app()
