"""Ask an API server as tasks do, and as somebody does who only pretends to be a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate

if TYPE_CHECKING:
    from collections.abc import Mapping


class Caller:
    """An HTTP client of one API server, with the tokens of a world. It keeps connections open."""

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self.url = url
        self.tokens = dict(tokens)
        # The server closes idle connections after 5 s. The client must not use a connection at that moment.
        limits = httpx.Limits(keepalive_expiry=2)
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False, limits=limits)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def answers(self) -> bool:
        """Tell whether the server answers, whatever it says."""
        try:
            self._client.get("/execution/health")
        except httpx.HTTPError:
            return False
        return True

    def call(self, caller: str | None, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Send a request with a caller's token, or without one if it is None. `path` begins after the base URL."""
        headers = {} if caller is None else {"Authorization": f"Bearer {self.tokens[caller]}"}
        return self._client.request(method, path, headers={**headers, **kwargs.pop("headers", {})}, **kwargs)

    def xcom(
        self, caller: str | None, method: str, at: Coordinate, *, route: str = "", params: Any = None, **kwargs: Any
    ) -> httpx.Response:
        """Send a request about one XCom, as a task's supervisor does. `route` is `/slice`, for example."""
        if params is None:
            params = {} if at.map_index == NOT_MAPPED else {"map_index": at.map_index}
        return self.call(caller, method, xcom_path(at) + route, params=params, **kwargs)


def xcom_path(at: Coordinate) -> str:
    """Return the path of an XCom in the API that tasks talk to. Slashes in a key stay."""
    ids = "/".join(quote(part, safe="") for part in (at.dag_id, at.run_id, at.task_id))
    return f"/execution/xcoms/{ids}/{quote(at.key, safe='/')}"
