"""Push a few XComs with the package of one revision, and print what Redis and Airflow's rows hold of them, as JSON.

A program; `benchmarks/stored.py` starts it. It runs with that revision's environment, and with its tree on PYTHONPATH.
It uses only what all revisions share: `ExclusiveRedisXCom`, its settings in the environment, and `benchmarks.played`.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import sys
from contextlib import redirect_stdout
from typing import Any

import redis

from benchmarks import played

#: The samples that are mapped tasks -> how many results each has.
RESULTS = {"few": 10, "mapped": 100, "many": 1000}
#: As short as a result can be.
VALUE = "x"
#: The name of a sample -> the XCom's key. The DAG has a rule for the restricted one.
SAMPLES = {
    "small": "return_value",
    **dict.fromkeys(RESULTS, "return_value"),
    "restricted": "token",
    "described": "numbers",
}
#: What the page of XComs shows of a list is stored beside the value.
DESCRIBED = list(range(20))
_INDEX = re.compile(r"^-?[0-9]+")
_SETTINGS = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__"


def main(url: str) -> None:
    """Print the format, or nothing where pushes know only one -> what `of_format` returns."""
    os.environ["AIRFLOW__CORE__XCOM_BACKEND"] = "exclusive_redis_xcom.ExclusiveRedisXCom"
    with redirect_stdout(sys.stderr):
        found = {name: of_format(url, name) for name in (("2", "3") if _knows("format") else ("",))}
    print(json.dumps(found))


def of_format(url: str, name: str) -> dict[str, Any]:
    """Push all samples in one format.

    Returns:
        `samples`: sample -> what `_hash` returns, and how many values it holds. `rows`: by `enforcement`, the bytes of
        the JSON in Airflow's row of the small one. `default`: the bytes that the default backend would put there.
    """
    os.environ.pop(f"{_SETTINGS}FORMAT", None)
    if name:
        os.environ[f"{_SETTINGS}FORMAT"] = name
    with redis.Redis.from_url(url) as client, played.played(url) as play:
        play.dag = _dag()
        found = {}
        for sample, key in SAMPLES.items():
            client.flushdb()  # samples share a key
            for index in range(RESULTS[sample]) if sample in RESULTS else (-1,):
                play.push(key, DESCRIBED if sample == "described" else VALUE, index)
            (pushed,) = _hashes(client)
            found[sample] = {**_hash(client, pushed), "values": RESULTS.get(sample, 1)}
        rows = {"worker": len(json.dumps(play.store_only("return_value", VALUE)))}
    rows["server"] = _server_row(url)
    return {"samples": found, "rows": rows, "default": len(json.dumps(VALUE))}


def _server_row(url: str) -> int:
    """Return the bytes of the row with `enforcement = server`."""
    from exclusive_redis_xcom.crypto import generate_seal_keys

    server = {"ENFORCEMENT": "server", "SEAL_PUBLIC_KEY": generate_seal_keys()[0]}
    os.environ.update({f"{_SETTINGS}{name}": text for name, text in server.items()})
    try:
        with played.played(url) as play:
            play.dag = _dag()
            return len(json.dumps(play.store_only("return_value", VALUE)))
    finally:
        for name in server:
            del os.environ[f"{_SETTINGS}{name}"]


def _hash(client: redis.Redis, name: bytes) -> dict[str, Any]:
    """Return the bytes of a hash.

    `name`: of its name. `fields`: kind of field -> bytes of their names, and of what they hold. A kind is a field's
    name with an `i` in place of the map_index. `bytes`: of all, with Redis' own. `bare`: of a SET of the encoded value
    under a name of the same length. `payload`: of the encoded value alone.
    """
    held: Any = client.hgetall(name)
    payload = _payload(DESCRIBED if name.endswith(b"numbers") else VALUE)
    fields: dict[str, list[int]] = {}
    for field, text in held.items():
        known = fields.setdefault(_INDEX.sub("i", field.decode("latin-1")), [0, 0])
        known[0], known[1] = known[0] + len(field), known[1] + len(text)
    bare = b"bare" + name[4:]
    client.set(bare, payload)
    return {
        "name": len(name),
        "fields": fields,
        "bytes": _usage(client, name),
        "bare": _usage(client, bare),
        "payload": len(payload),
    }


def _payload(value: Any) -> bytes:
    from exclusive_redis_xcom import codec
    from exclusive_redis_xcom.memory import joined

    return bytes(joined(codec.encode(value, max_bytes=2**20).payload))


def _usage(client: redis.Redis, name: bytes) -> int:
    return int(client.memory_usage(name, samples=0) or 0)


def _hashes(client: redis.Redis) -> set[bytes]:
    return {name for name in client.scan_iter(match=f"{played.PREFIX}:*", count=1000) if b":!" not in name}


def _knows(option: str) -> bool:
    """Tell whether the package has a setting; a revision may refuse settings that it does not know."""
    entries = importlib.metadata.distribution("exclusive-redis-xcom").entry_points
    (info,) = (entry.load()() for entry in entries if entry.group == "apache_airflow_provider")
    return any(option in section["options"] for section in info["config"].values())


def _dag() -> Any:
    from airflow.sdk import DAG, task

    with DAG("bench", schedule=None, params={"xcom_acl": {"produce": {"token": ["consume"]}}}) as dag:
        producers = [
            task(task_id="produce")(lambda: None)(),
            task(task_id="produce_many")(lambda number: number).expand(number=[0, 1]),
        ]
        producers >> task(task_id="consume")(lambda: None)()
    return dag


if __name__ == "__main__":
    main(sys.argv[1])
