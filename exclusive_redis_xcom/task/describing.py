"""The description that a push writes beside its value, in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.codec.describing import describe
from exclusive_redis_xcom.formats import description

if TYPE_CHECKING:
    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.formats.envelope import Envelope
    from exclusive_redis_xcom.settings import Settings


def description_of(value: object, envelope: Envelope, acl: Acl, settings: Settings) -> bytes:
    """Return what Redis gets beside a value; empty if the setting `describe` does not allow it, or it tells nothing.

    Args:
        value: What is pushed.
        envelope: The value as it goes to Redis. What is sealed or encrypted there is described only with `all`.
        acl: The rule in force for the value. The names in a restricted value may be secrets, too.
        settings: The settings of this process.
    """
    hidden = acl.restricted or envelope.key_id is not None
    if settings.describe == "off" or (hidden and settings.describe != "all"):
        return b""
    described = describe(value)
    return b"" if described is None else description.dumps(described, envelope.version)
