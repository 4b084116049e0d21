"""Seals in what a task pushes: each is checked once, here, and then wrapped for API servers.

The token proves which task instance pushes. So a reference that passes was pushed by the producer that it names. Its
seal opens for the reference's own coordinate, version and rule. The data key is then wrapped under a key that only API
servers have, and that form goes to Airflow's database. No task can make it, and none may hand it in.

A seal to a key that this API server lacks stays as it is: an API server that has the key opens it later.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.api_server.requests.xcom_table import carries_reference
from exclusive_redis_xcom.crypto import Forged, UnknownKey
from exclusive_redis_xcom.crypto.opening import wrap_seal
from exclusive_redis_xcom.errors import InvalidAcl, InvalidReference
from exclusive_redis_xcom.formats import reference

if TYPE_CHECKING:
    from exclusive_redis_xcom.crypto import SealPrivateKeys
    from exclusive_redis_xcom.formats.reference import Reference
    from exclusive_redis_xcom.model import Coordinate

_MARK = reference.MARK.encode("ascii")

#: No push writes a longer reference. Its rule has at most 1 MiB (`acl.limits`), and twice that as JSON within JSON.
_MOST_BYTES = 4 * 1024 * 1024

MALFORMED = "the reference is malformed, or a release newer than the API server's wrote it"
FOREIGN = "the reference is to an XCom of another task instance"
NOT_A_PUSHS = "its seal has a form that only API servers write"
FORGED = "its seal was not made for this reference"

_REMEDY = "Return the value, or xcom_push it: the XCom backend then writes the reference."

#: What to do, by what is wrong.
REMEDIES = {
    MALFORMED: f"{_REMEDY} Upgrade API servers before workers.",
    FOREIGN: _REMEDY,
    NOT_A_PUSHS: _REMEDY,
    FORGED: _REMEDY,
}


class RefusedSealError(Exception):
    """A task may not push this reference. The text says why, and is one of `REMEDIES`."""


class PushedSeals:
    """Checks what tasks push.

    Args:
        keys: The API server's private keys.
        wraps: Whether checked seals are wrapped. Earlier builds cannot read wrapped seals.
    """

    def __init__(self, keys: SealPrivateKeys, *, wraps: bool) -> None:
        self._keys = keys
        self._wraps = wraps

    def checked(self, body: bytes, row: Coordinate, ti_id: str) -> bytes:
        """Return the body that goes on to Airflow. It is the given one unless that has a seal to wrap.

        Args:
            body: What a task pushes.
            row: Where it pushes that, which is a row of its own.
            ti_id: The id of the task instance that pushes.

        Raises:
            RefusedSealError: The body may not reach Airflow.
        """
        if not _may_hold_mark(body):
            return body
        found = _reference_in(body)
        if found is None or found.seal is None:
            return body
        if not _is_own(found.coordinate, row, ti_id):
            raise RefusedSealError(FOREIGN)
        if not found.seal.is_as_pushed:
            raise RefusedSealError(NOT_A_PUSHS)
        try:
            wrapped = wrap_seal(found, self._keys)
        except UnknownKey:
            return body
        except (Forged, InvalidAcl):
            raise RefusedSealError(FORGED) from None
        return _json(wrapped.to_json()) if self._wraps else body


def _may_hold_mark(body: bytes) -> bool:
    """Tell whether a JSON text may hold the reference's mark: as it is, with escapes, or in UTF-16 or UTF-32."""
    return _MARK in body or b"\\" in body or b"\0" in body


def _reference_in(body: bytes) -> Reference | None:
    """Return the reference that a body is; None if it is no reference, nor anything that could be taken for one.

    Raises:
        RefusedSealError: It could be taken for a reference.
    """
    try:
        value = json.loads(body)  # as Airflow reads it
    except RecursionError:
        raise RefusedSealError(MALFORMED) from None
    except ValueError:
        return None  # Airflow answers 422
    if not carries_reference(value):
        return None
    if len(body) > _MOST_BYTES:  # to read it further would keep the event loop waiting
        raise RefusedSealError(MALFORMED)
    try:
        return reference.parse(value)
    except InvalidReference:
        raise RefusedSealError(MALFORMED) from None


def _is_own(at: Coordinate, row: Coordinate, ti_id: str) -> bool:
    # The key is not compared. Airflow's client does not quote the key in the URL, so only a part of it may arrive.
    own = (row.dag_id, row.run_id, row.task_id, row.map_index)
    return (at.dag_id, at.run_id, at.task_id, at.map_index) == own and at.ti_id in (None, ti_id)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")
