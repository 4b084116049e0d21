"""The rows of a slice, read with Airflow's own query and written in short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from exclusive_redis_xcom.api_server.requests import xcom_table
from exclusive_redis_xcom.formats import reference, reference_v2
from exclusive_redis_xcom.memory import paused_collector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.api_server.requests.window import Window

_MOST = reference_v2.MAX_ABOUT + reference_v2.MAX_DOTS


class _Machine(Struct, forbid_unknown_fields=True, gc=False):
    v: Literal[3]
    to: str


class _Body(Struct, forbid_unknown_fields=True, gc=False):
    about: Annotated[str, Meta(max_length=_MOST)]
    reference: _Machine


class _Row(Struct, forbid_unknown_fields=True, gc=False):
    """A reference of format 3 without a seal, as JSON."""

    exclusive_redis_xcom: _Body


_rows = msgspec.json.Decoder(list[_Row])
_row = msgspec.json.Decoder(_Row)


def shortened(first: bytes, names: Mapping[str, Any], window: Window) -> bytes | None:
    """Return the answer to a slice in short; None if it has no short form.

    Args:
        first: Airflow's answer to the slice's first row alone.
        names: The dag_id, run_id, task_id and key that Airflow read from the path.
        window: The rows that are wanted.

    Raises:
        Exception: Any error of Airflow's database.
    """
    try:
        if not _rows.decode(first):
            return None
        with paused_collector():
            found = [
                _row.decode(text).exclusive_redis_xcom for text in xcom_table.texts(names, window.start, window.stop)
            ]
    except (msgspec.DecodeError, UnicodeError):
        return None
    if not all(one.about.isprintable() for one in found):
        return None
    row = reference.shortened([one.reference.to for one in found])
    return None if row is None else msgspec.json.encode([row])
