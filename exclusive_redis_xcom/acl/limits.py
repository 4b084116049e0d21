"""How large an ACL may be. Nobody writes these by hand; they bound what a generated or hostile one can cost."""

from __future__ import annotations

MAX_RULES = 10_000
MAX_CONSUMERS = 1_000

#: Airflow's columns: `dag_id` and `task_id` are 250 characters, an XCom's `key` 512 (`airflow/models/xcom.py`).
MAX_ID_LENGTH = 250
MAX_KEY_LENGTH = 512

#: A hundred years: longer is a mistake, and it stays far inside what Redis and `timedelta` can hold.
MAX_TTL_SECONDS = 100 * 365 * 24 * 3600

#: The `acl` field in Redis. `linked` and `downstream` may name thousands of tasks.
MAX_ACL_BYTES = 1024 * 1024

#: The text that says where a rule was written: names of at most 512 characters, escaped, for five rules at most.
MAX_SOURCE_LENGTH = 16 * 1024
