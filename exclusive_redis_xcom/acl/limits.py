"""How large an ACL may be. No author reaches these limits by hand. They bound the cost of generated or hostile ACLs."""

from __future__ import annotations

MAX_RULES = 10_000
#: The consumers of one rule, as an author writes them. A stored rule has no more patterns than that, either.
MAX_CONSUMERS = 1_000
#: The consumers of all rules of a DAG, as an author writes them.
MAX_CONSUMERS_OF_ALL = 100_000
#: The consumers of one stored rule. `linked` and `downstream` may name more tasks than an author may.
MAX_RESOLVED_CONSUMERS = 10_000

#: The sizes of Airflow's columns: 250 characters for `dag_id` and `task_id`, 512 for `key` (`airflow/models/xcom.py`).
MAX_ID_LENGTH = 250
MAX_KEY_LENGTH = 512
#: `dag_id/task_id`.
MAX_CONSUMER_LENGTH = 2 * MAX_ID_LENGTH + 1

#: A hundred years. A longer TTL is a mistake. Redis and `timedelta` can hold much more.
MAX_TTL_SECONDS = 100 * 365 * 24 * 3600

#: The largest `acl` field in Redis.
MAX_ACL_BYTES = 1024 * 1024

#: The longest text that says where a rule was written: escaped names of up to 512 characters, for up to five rules.
MAX_SOURCE_LENGTH = 16 * 1024
