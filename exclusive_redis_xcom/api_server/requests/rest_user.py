"""Who asks the public REST API. The functions on which Airflow's own routes depend decide that."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests.rest_body import RefusedError

if TYPE_CHECKING:
    from starlette.types import Scope

    from exclusive_redis_xcom.api_server.requests.rest_routes import RestCall


async def authorised_user(scope: Scope, call: RestCall) -> Any:
    """Return the authenticated user, an Airflow `BaseUser`, if Airflow would let them call this route.

    Raises:
        RefusedError: Airflow's route would refuse: there is no user, the token has expired, or access is denied.
    """
    from starlette.exceptions import HTTPException

    try:
        return await _authorised_user(scope, call)
    except HTTPException as error:
        raise RefusedError(error.status_code, error.detail) from None


def name_of(user: Any) -> str:
    """Return the user's name for the audit log."""
    return str(user.get_name() or user.get_id())


async def _authorised_user(scope: Scope, call: RestCall) -> Any:
    from airflow.api_fastapi.core_api import security
    from anyio import to_thread
    from starlette.requests import Request

    request = Request({**scope, "path_params": call.parameters})
    # FastAPI resolves the same for Depends(get_user), in the order of its parameters (airflow/.../security.py).
    user = await security.get_user(
        request, await security.oauth2_scheme(request), await security.bearer_scheme(request)
    )
    if call.route.access is not None:
        method, entity = call.route.access
        check = security.requires_access_dag(method=method, access_entity=_entity(entity))
        await to_thread.run_sync(functools.partial(check, request, user))  # it reads the database
    return user


def _entity(name: str | None) -> Any:
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity

    return None if name is None else DagAccessEntity[name]
