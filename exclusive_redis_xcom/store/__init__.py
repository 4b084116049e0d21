"""The store: envelopes, rules and marks in Redis hashes. It decides nothing about who may read.

`formats/redis_names.py` tells which fields a hash has. The scripts in `lua/` change them.
"""

from __future__ import annotations

from exclusive_redis_xcom.formats.claims import Claim
from exclusive_redis_xcom.store.store import Store
from exclusive_redis_xcom.store.values import Alike, Current, Push, Results, Stored

__all__ = ["Alike", "Claim", "Current", "Push", "Results", "Store", "Stored"]
