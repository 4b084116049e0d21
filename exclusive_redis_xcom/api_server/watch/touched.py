"""Which XComs a request touches. The request tells it; where it names more than one, Airflow's table does.

Nothing here needs Redis or decides anything. An answer that is not certain is None, and then no mark is believed.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests import rest_body, xcom_table
from exclusive_redis_xcom.api_server.requests.rest_routes import Effect
from exclusive_redis_xcom.api_server.requests.routes import map_index_of
from exclusive_redis_xcom.errors import InvalidReference
from exclusive_redis_xcom.formats import reference
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall

    Scopes = Sequence[tuple[str, ...]]

#: The marks of so many XComs are removed one by one. For more, one command makes all marks worthless.
MOST_ROWS = 1000

#: So many ids address an XCom, without its map_index.
_ONE_XCOM = 4


def pushed_version(at: Coordinate, headers: Iterable[tuple[bytes, bytes]], body: bytes | None) -> str | None:
    """Return the version to which a row refers after this body was posted to it; None if it refers to no value.

    Args:
        at: The row.
        headers: The request's headers.
        body: The body; None if it is longer than any reference.
    """
    if body is None or not _is_json(headers):
        return None
    try:
        found = reference.parse_stored(json.loads(body))
    except (InvalidReference, ValueError, RecursionError):
        return None
    # Only the reference that the API server hands out opens a sealed value: nobody can have it from Redis alone.
    return found.version if found.coordinate == at and found.seal is None else None


def edited(call: RestCall, query: bytes, body: bytes | None) -> Coordinate | None:
    """Return the one XCom that a POST, PATCH or DELETE writes; None if that is unclear."""
    if call.effect is Effect.EDIT:
        fields = _object(body)
        key = call.scope[3] if len(call.scope) == _ONE_XCOM else fields.get("key")
        index = fields.get("map_index", NOT_MAPPED) if fields else None
    else:
        key, index = call.scope[3], map_index_of(query)
    dag_id, run_id, task_id, *_ = call.scope
    if not isinstance(key, str) or type(index) is not int:  # a bool is an int
        return None
    return Coordinate(dag_id, run_id, task_id, key, index)


def edits_one(call: RestCall) -> bool:
    """Return whether a request writes one XCom, and no other."""
    return call.effect is Effect.EDIT or (call.effect is Effect.REMOVE and len(call.scope) == _ONE_XCOM)


def scopes(call: RestCall, body: bytes | None) -> Scopes | None:
    """Return the scopes that a request deletes or clears; None if they are not known.

    A scope is the first ids of (dag_id, run_id, task_id), and all scopes have the same length. They may hold more than
    the request touches.
    """
    if call.effect is Effect.REMOVE:
        return [call.scope]
    if body is None:
        return None
    fields = _object(body)
    if call.effect is Effect.CLEAR:
        return _cleared(call, fields)
    return rest_body.bulk_scopes(call, fields)


def only_asks(call: RestCall, body: bytes | None) -> bool:
    """Return whether a request only asks what a clear would do."""
    return call.effect is Effect.CLEAR and _object(body).get("dry_run") is True


def listed(within: Scopes | None, map_index: int | None = None) -> list[Coordinate] | None:
    """List the XComs in some scopes, from Airflow's table; None if there are more than `MOST_ROWS`. Blocks.

    Args:
        within: The scopes, as `scopes` returned them.
        map_index: The only map_index that is touched, if that is known.
    """
    if within is None:
        return None
    rows = xcom_table.addresses(within, whole=False, map_index=map_index)
    found = list(itertools.islice(rows, MOST_ROWS + 1))
    return found if len(found) <= MOST_ROWS else None


def _cleared(call: RestCall, fields: dict[str, Any]) -> Scopes | None:
    dag_id = call.parameters.get("dag_id", fields.get("dag_id"))
    run_id = call.parameters.get("dag_run_id", fields.get("dag_run_id"))
    if not isinstance(dag_id, str) or dag_id == rest_body.WILDCARD:
        return None
    if isinstance(run_id, str) and not (fields.get("include_past") or fields.get("include_future")):
        return [(dag_id, run_id)]
    return [(dag_id,)]


def _object(body: bytes | None) -> dict[str, Any]:
    try:
        return {} if body is None else rest_body.json_object(body)
    except rest_body.NotAnObjectError:
        return {}


def _is_json(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    # Some releases of FastAPI store other types as text, and some refuse them.
    given = [value for name, value in headers if name.lower() == b"content-type"]
    return len(given) == 1 and given[0].split(b";")[0].strip().lower() == b"application/json"
