"""The middleware that answers slices of a mapped task's results with short rows (`formats/short_rows.py`).

Airflow decides about each request, as `requests/window.py` says. If it answers with a row that is a reference, the rows
are read. So nobody reads more or other rows than before.

Every other answer comes from Airflow. That is so for other questions and other statuses. It is also so if any row holds
a plain value, a seal or an earlier format, or if somebody has edited a row.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests.delayed_answer import DelayedAnswer
from exclusive_redis_xcom.api_server.requests.describing import described
from exclusive_redis_xcom.api_server.requests.rest_body import replay
from exclusive_redis_xcom.api_server.requests.routes import Router, is_xcoms
from exclusive_redis_xcom.api_server.requests.window import window_of
from exclusive_redis_xcom.api_server.slices.shortening import shortened
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.formats.reference_facts import FORMAT
from exclusive_redis_xcom.settings import Settings, load_settings
from exclusive_redis_xcom.tracebacks import errors_without_locals, errors_without_own_locals

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.requests.window import Window

log = logging.getLogger("exclusive_redis_xcom")

_OK = 200
#: The step `airflow/slices.READ_AHEAD`. Slices of other steps are not answered here.
_STEP = 1
_ROUTE = "get_mapped_xcom_by_slice"


class ShortSlices:
    """Answers slices with short rows. With `enforcement = server` or an earlier `format`, it does nothing.

    Args:
        app: What answers inside.
        settings: Read from Airflow's configuration unless given.
    """

    @errors_without_locals
    def __init__(self, app: ASGIApp, *, settings: Settings | None = None) -> None:
        self._app = app
        self.is_active = False
        try:
            settings = settings or load_settings()
            self._router = Router()
            # During an upgrade, `format` names the earlier release: its workers read ahead, too, but not this form.
            self.is_active = not settings.by_server and settings.format >= FORMAT
        except (ConfigurationError, ImportError) as error:
            log.error("Slices of rows are answered as Airflow answers them, which takes longer: %s", error)

    @errors_without_own_locals
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        wanted = self._wanted(scope) if self.is_active else None
        if wanted is None or not await self._answered(wanted, scope, receive, send):
            await self._app(scope, receive, send)

    def _wanted(self, scope: Scope) -> Window | None:
        """Tell which rows a request asks for in short; None if it is another request.

        Other routes are left alone. They may answer without an end, or do something each time they are asked.
        """
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        found = window_of(scope["query_string"])
        if found is None or found.step != _STEP:
            return None
        return found if scope["path"].endswith("/slice") and is_xcoms(self._router.path(scope)) else None

    async def _answered(self, wanted: Window, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer if there is a short form; return whether there was one."""
        from starlette.concurrency import run_in_threadpool

        first = DelayedAnswer(send)
        asked = wanted.of_first_row(scope)
        await self._app(asked, replay(b"", receive), first)
        if first.status != _OK or not first.is_json or getattr(asked.get("endpoint"), "__name__", "") != _ROUTE:
            return False
        try:
            body = await run_in_threadpool(shortened, first.body, asked["path_params"], wanted)
        except Exception as error:  # of Airflow's database
            log.warning("A slice of rows is answered as Airflow answers it: %s", described(error))
            return False
        if body is None:
            return False
        await first.send_with(body)
        return True
