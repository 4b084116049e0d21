"""The commands that tell who may read what. They ask `exclusive_redis_xcom.access`, and need no database and no Redis.

Each command has a module. `dags` has the options that say which DAGs are meant.
"""
