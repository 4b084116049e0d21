"""The ring's middleware. Airflow's API server gets it through the plugin (`fastapi_root_middlewares`).

It stands inside Airflow's own middlewares (compression, access log) and outside its routers.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exclusive_redis_xcom.api_server.requests.caller import Callers, Tokens
from exclusive_redis_xcom.api_server.requests.delayed_answer import DelayedAnswer
from exclusive_redis_xcom.api_server.requests.routes import Count, Read, Router, Write, is_xcoms, may_change_states
from exclusive_redis_xcom.api_server.requests.store_source import StoreSource
from exclusive_redis_xcom.api_server.ring import answers
from exclusive_redis_xcom.api_server.ring.audit import Audit
from exclusive_redis_xcom.api_server.ring.observing import Observer
from exclusive_redis_xcom.api_server.ring.pushed_seals import PushedSeals
from exclusive_redis_xcom.api_server.ring.reads import Reader
from exclusive_redis_xcom.api_server.ring.refusing import UnreadRefusals
from exclusive_redis_xcom.api_server.ring.releasing import Releaser
from exclusive_redis_xcom.api_server.ring.rest import RestGuard
from exclusive_redis_xcom.api_server.ring.writes import Writer
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.formats.ring_header import RING_HEADER, header_value
from exclusive_redis_xcom.settings import SECTION, Settings, load_settings
from exclusive_redis_xcom.tracebacks import errors_without_locals, errors_without_own_locals

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from exclusive_redis_xcom.api_server.requests.caller import LookUp, Validate
    from exclusive_redis_xcom.api_server.ring.audit import WriteRows
    from exclusive_redis_xcom.api_server.ring.reads import Texts
    from exclusive_redis_xcom.store import Store

log = logging.getLogger("exclusive_redis_xcom")

#: With this setting of `format`, all API servers read wrapped seals, and all workers read opened references as texts.
LATEST_FORMAT = 3


class Ring:
    """Guards XComs with `enforcement = server`, and passes every request through with `worker`.

    Args:
        app: What answers inside.
        settings: Read from Airflow's configuration unless given.
        look_up: Finds task instances, in Airflow's database unless given.
        validate: Checks tokens, as Airflow does unless given.
        write_rows: Writes audit rows, to Airflow's database unless given.
        store: Gives the Redis store. It is the one that the settings name unless given.
        texts: Reads the rows of slices, from Airflow's database unless given.

    Raises:
        ConfigurationError: A setting or a key is wrong or missing. The API server then answers every request with 500.
    """

    @errors_without_locals
    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings | None = None,
        look_up: LookUp | None = None,
        validate: Validate | None = None,
        write_rows: WriteRows | None = None,
        store: Callable[[], Store] | None = None,
        texts: Texts | None = None,
    ) -> None:
        self._app = app
        try:
            settings = settings or load_settings()
            self._active = settings.by_server
            if not self._active:
                return
            self._header = RING_HEADER.encode("ascii"), _header_value(settings).encode("ascii")
            store = store or StoreSource(settings).checked()
        except ConfigurationError as error:
            # The server starts all the same, so the log must say it.
            log.error("The ring cannot start, and this API server answers 500 to everything: %s", error)
            raise
        self._router = Router()
        audit = Audit(settings.audit, strict=settings.audit_strict, write=write_rows)
        self._tokens = tokens = Tokens(validate)
        callers = Callers(look_up)
        is_latest = settings.format >= LATEST_FORMAT
        releaser = Releaser(settings.seal_private_keys, store, reports_only=settings.reports_only, as_texts=is_latest)
        self._rest = RestGuard(app, audit=audit, store=store)
        self._unread = UnreadRefusals(tokens, callers, audit)
        self._reader = Reader(app, tokens, callers, releaser, audit, Observer(store, settings.records), texts)
        seals = PushedSeals(settings.seal_private_keys, wraps=is_latest)
        self._writer = Writer(app, tokens, callers, seals, self._unread, audit)

    @property
    def is_active(self) -> bool:
        """Whether it guards anything."""
        return self._active

    @errors_without_own_locals
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if not self._active or scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), self._header]}
            await send(message)

        await self._serve(scope, receive, marked)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._router.path(scope)
        if is_xcoms(path):
            await self._xcoms(path, scope, receive, send)
        elif may_change_states(scope["method"], path):
            inner = self._rest if self._rest.concerns(scope) else self._app
            await _answered_when_done(inner, scope, receive, send)
        else:
            await self._app(scope, receive, send)
        self._tokens.remember(scope)

    async def _xcoms(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            call = self._router.parse(scope["method"], path, scope.get("query_string", b""))
        except Exception as error:
            await answers.failed(send, error)
            return
        if isinstance(call, Read):
            await self._reader.answer(call, scope, receive, send)
        elif isinstance(call, Write):
            await self._writer.answer(call, scope, receive, send)
        elif isinstance(call, Count):
            await self._app(scope, receive, send)
        else:
            await self._unread.refuse_unknown(call, scope, send)


async def _answered_when_done(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Let an app answer a change, and send its answer when it has returned.

    Airflow may commit after it has sent its answer. Whoever has the answer must find the new state in the database, in
    each API server. A task's callback, for example, asks as soon as the task's end is answered.
    """
    answer = DelayedAnswer(send)
    await app(scope, receive, answer)
    await answer.send()


def _header_value(settings: Settings) -> str:
    """Return the header's value: the version of the ring and the ids of its keys.

    Raises:
        ConfigurationError: There is no key, or workers would seal to another one.
    """
    keys = settings.seal_private_keys
    if not keys:
        raise ConfigurationError(
            f"[{SECTION}] seal_private_keys: this API server has no key to open sealed values.\n"
            "enforcement = server needs it on every API server. Make a pair with `exclusive-xcom keygen`."
        )
    public = settings.seal_public_key
    if public is not None and public.key_id not in keys.key_ids:
        raise ConfigurationError(
            f"[{SECTION}] seal_public_key: this API server could open nothing that is sealed to it.\n"
            f"seal_private_keys does not hold the other half of key '{public.key_id}'. Add it there."
        )
    return header_value(keys.key_ids)
