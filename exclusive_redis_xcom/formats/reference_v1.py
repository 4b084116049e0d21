"""Format 1 of a reference: one flat object, with the machine's part first. It is read, and answered by the ring.

No push writes it any more. The ring answers a row of format 1 in format 1, because the worker that asks may be older
than the API server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.formats import reference_fields as fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exclusive_redis_xcom.formats.reference_facts import ReferenceFacts

FORMAT = 1

_FIELDS = {"v", "coordinate", "version", "type", "size", "consumers", "rule", "pushed_at", "expires_at"}


def dump(reference: ReferenceFacts) -> dict[str, Any]:
    """Return the object below the mark."""
    seal = {} if reference.seal is None else {"seal": reference.seal.to_json()}
    return {
        "v": FORMAT,
        "coordinate": fields.coordinate_json(reference.coordinate),
        "version": reference.version,
        "type": reference.type_name,
        "size": reference.size,
        "consumers": fields.shown_consumers(reference.consumers),
        "rule": reference.rule,
        "pushed_at": reference.pushed_at.isoformat(),
        "expires_at": reference.expires_at.isoformat(),
        **seal,
    }


def load(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Read the object below the mark, and return the fields of `ReferenceFacts`.

    Raises:
        InvalidReference: The object is not exactly what `dump` returns.
    """
    sealed = "seal" in raw
    body = fields.mapping(raw, _FIELDS | {"seal"} if sealed else _FIELDS, "reference")
    fields.integer(body["v"], "v", FORMAT, FORMAT)
    return {
        "format": FORMAT,
        "coordinate": fields.coordinate(body["coordinate"]),
        "version": fields.version(body["version"], "version"),
        "type_name": fields.text(body["type"], "type"),
        "size": fields.size(body["size"], "size"),
        "consumers": tuple(fields.text(name, "consumers") for name in fields.consumers(body["consumers"], "consumers")),
        "rule": fields.text(body["rule"], "rule"),
        "pushed_at": fields.time(body["pushed_at"], "pushed_at"),
        "expires_at": fields.time(body["expires_at"], "expires_at"),
        "seal": fields.seal(body["seal"]) if sealed else None,
    }
