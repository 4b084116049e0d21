"""Values with a description, for the tests of them."""

from __future__ import annotations

from exclusive_redis_xcom.formats import description, redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Description
from exclusive_redis_xcom.store import Push, Store
from tests.integration.support import ACL, PREFIX, TTL, at, value

HASH = redis_names.hash_name(PREFIX, at())
TOLD = Description("dict", (1,), keys=("a",))
OTHER = Description("list", (3,), items="int")


def push(store: Store, map_index: int = -1, told: Description | None = TOLD, *, size: int = 100) -> Envelope:
    pushed = value(at(map_index), size=size)
    store.push(
        Push(
            pushed,
            acl=ACL,
            ttl=TTL,
            own_acl=None if map_index < 0 else ACL,
            watched=True,
            description=b"" if told is None else description.dumps(told, pushed.version),
        )
    )
    return pushed
