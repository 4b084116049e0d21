"""How to reach Redis: addresses and credentials, sessions, and one retry loop.

Nothing here knows Airflow or XComs. Importing this package does not import redis.
"""

from __future__ import annotations

from exclusive_redis_xcom.connection.client import RedisClient
from exclusive_redis_xcom.connection.redis_options import Address, RedisOptions, Timeouts, Tls

__all__ = ["Address", "RedisClient", "RedisOptions", "Timeouts", "Tls"]
