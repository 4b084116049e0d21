"""The value in an envelope, for a task that may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom import codec
from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.reporting import masking, refusals
from exclusive_redis_xcom.task import spill
from exclusive_redis_xcom.task.encryption import decrypt_payload

if TYPE_CHECKING:
    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.formats.seal import Seal
    from exclusive_redis_xcom.memory import Buffer
    from exclusive_redis_xcom.settings import Settings


def decoded(envelope: Envelope, seal: Seal | None, acl: Acl | None, settings: Settings) -> Any:
    """Return the value in an envelope to a task that may read it: decrypted, decoded, and masked in logs.

    Args:
        envelope: What Redis holds.
        seal: The seal of the reference, opened.
        acl: The value's own rule; None under `mode = report`, where no rule can be read.
        settings: The settings of this process.

    Raises:
        CorruptValue, ConfigurationError: As for `task.pull.pull`.
        XComTooLarge, XComNotImportable: As for `codec.decode`.
    """
    value = _decoded(decrypt_payload(spill.fetched(envelope, settings), seal, acl, settings), envelope, settings)
    if masking.applies(settings.mask, acl is None or acl.restricted):
        masking.mask(value, envelope.coordinate)
    return value


def _decoded(payload: Buffer, envelope: Envelope, settings: Settings) -> Any:
    """Decode a value. The error of a value that cannot be decoded names its XCom."""
    try:
        return codec.decode(
            payload,
            codec=envelope.codec,
            compression=envelope.compression,
            decoded_size=envelope.decoded_size,
            max_bytes=settings.max_value_bytes,
        )
    except ExclusiveXComError as error:
        problem = refusals.of_value(envelope.coordinate, "pulled", error)
    raise problem  # outside of `except`, so that the error has no context
