"""Sums of what Redis holds, for people who ask which DAG or key takes how much."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exclusive_redis_xcom.store.inventory import Inventory

_SOON = timedelta(days=1)


@dataclass(slots=True)
class Sum:
    """What several hashes take. `expiring` has the bytes in Redis that expire within a day."""

    xcoms: int = 0
    values: int = 0
    bytes_in_redis: int = 0
    bytes_elsewhere: int = 0
    expiring: int = 0

    def add(self, inventory: Inventory) -> None:
        """Add one hash."""
        self.xcoms += 1
        self.values += inventory.values
        self.bytes_in_redis += inventory.bytes
        self.bytes_elsewhere += inventory.bytes_elsewhere
        if inventory.ttl is not None and inventory.ttl <= _SOON:
            self.expiring += inventory.bytes
