"""Measure the model of effective access on many serialized DAGs: `make bench-access`.

Airflow's own serializer writes DAGs of several shapes. Each becomes many DAGs with other ids. A process of its own then
reads all of them, as `--serialized` does, and asks for all grants. It holds nothing but the model, so its memory is
that of the model. All is done by one thread and waits for nothing. So its processor time is what it takes on a quiet
machine, and limits hold for that. The exit code is 1 if a limit is exceeded.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from exclusive_redis_xcom.access import Access, DagFacts, TaskName, XComName
from exclusive_redis_xcom.access.code import code_of_text
from exclusive_redis_xcom.access.serialized import facts_of

DAGS = 1000
TASKS = 50
SHAPES = 10
QUESTIONS = 200
LIMIT_SECONDS = 5.0
LIMIT_MB = 300.0
LIMIT_QUESTION_MS = 50.0
#: The DAG of a shape bears this id. Each of its copies has another one of the same length.
_ID = "access_bench_{:04d}"

_FILE = """
from airflow.sdk import DAG, task

ACL = {{"extract_*": {{"secret": ["load_{shape}"], "*": "linked"}}, "audit": {{"consumers": ["load_*"], "once": True}}}}

with DAG("{dag_id}", schedule=None, params={{"xcom_acl": ACL}}):
    @task
    def start(ti):
        ti.xcom_push(key="secret", value="x")
        return list(range(10))

    @task(multiple_outputs=True)
    def extract(value, ti):
        ti.xcom_push(key="secret", value=str(value))
        return {{"rows": value, "token": "t"}}

    @task
    def load(rows, token=None, ti=None):
        ti.xcom_pull(task_ids="extract_0", key="secret")
        return sum(rows)

    begun = start()
    extracted = [extract.override(task_id=f"extract_{{number}}")(begun) for number in range({extracts})]
    for number, each in enumerate(extracted):
        load.override(task_id=f"load_{{number}}")(each["rows"], "{{{{ ti.xcom_pull('start', key='secret') }}}}")
    load.override(task_id="mapped").partial(token=extracted[0]["token"]).expand(rows=begun)
"""


def main() -> int:
    """Measure, print the figures, and return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        data, code = Path(folder, "dags.jsonl"), Path(folder, "code.jsonl")
        _write(Path(folder), data, code)
        figures = [_measured(data), _measured(data, code), _question(data)]
    print(f"{DAGS:,} DAGs with {TASKS} tasks each, serialized, on {os.cpu_count()} CPUs:")
    for line, *_ in figures:
        print(f"  {line}")
    return int(any(not is_met for _, is_met in figures))


def _write(folder: Path, data: Path, code: Path) -> None:
    """Write all serialized DAGs, and the code of each, one a line."""
    shapes = [_shape(folder, shape) for shape in range(SHAPES)]
    with data.open("w") as of_data, code.open("w") as of_code:
        for number in range(DAGS):
            text, source = shapes[number % SHAPES]
            old, new = _ID.format(number % SHAPES), _ID.format(number)
            of_data.write(text.replace(old, new) + "\n")
            of_code.write(json.dumps(source.replace(old, new)) + "\n")


def _shape(folder: Path, shape: int) -> tuple[str, str]:
    dag_id = _ID.format(shape)
    source = _FILE.format(dag_id=dag_id, shape=shape, extracts=(TASKS - 2) // 2)
    file = folder / f"{dag_id}.py"
    file.write_text(source)
    text = _serialized(str(file), dag_id)
    file.unlink()  # as for a reader that has only the database
    return text, source


def _serialized(file: str, dag_id: str) -> str:
    from airflow.serialization import serialized_objects

    from exclusive_redis_xcom.access.parsing_process import dag_bag

    dag = dag_bag(file).dags[dag_id]
    assert len(dag.tasks) == TASKS
    serializer: Any = getattr(serialized_objects, "DagSerialization", None) or serialized_objects.SerializedDAG
    return json.dumps(serializer.to_dict(dag))


def _measured(*files: Path) -> tuple[str, bool]:
    """Read all DAGs in a process of their own; return the figures, and whether limits are met."""
    command = [sys.executable, "-m", "benchmarks.access", "model", *map(str, files)]
    best: dict[str, float] = {}
    for _ in range(3):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found: dict[str, float] = json.loads(done.stdout)
        best = found if not best or found["seconds"] < best["seconds"] else best
    what = "with the code of each file" if len(files) > 1 else "the whole model"
    limits = f" (at most {LIMIT_SECONDS:g} s, {LIMIT_MB:g} MB)" if len(files) == 1 else ""
    took = f"{best['seconds']:.1f} s ({best['elapsed']:.1f} s elapsed)"
    line = f"{what}: {took}, {best['mb']:.0f} MB, {best['grants']:,.0f} grants{limits}"
    return line, len(files) > 1 or (best["seconds"] <= LIMIT_SECONDS and best["mb"] <= LIMIT_MB)


def model(data: str, code: str | None = None) -> None:
    """Read the DAGs of a file, ask for all grants, and print what that took."""
    start, wall = time.process_time(), time.perf_counter()
    access = Access(_facts(data, code))
    grants = sum(1 for _ in access.grants())
    seconds, elapsed = time.process_time() - start, time.perf_counter() - wall
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(json.dumps({"seconds": seconds, "elapsed": elapsed, "mb": megabytes, "grants": grants}))


def _facts(data: str, code: str | None) -> list[DagFacts]:
    with open(data) as of_data:
        if code is None:
            return [facts_of(json.loads(line), default_consumers="same_dag") for line in of_data]
        with open(code) as of_code:
            return [
                facts_of(json.loads(line), default_consumers="same_dag", code=code_of_text(json.loads(source)))
                for line, source in zip(of_data, of_code, strict=True)
            ]


def _question(data: Path) -> tuple[str, bool]:
    """Time one question on one DAG, from its JSON's facts on."""
    read = json.loads(data.read_text().splitlines()[0])
    dag_id = read["dag"]["dag_id"]
    consumer, xcom = TaskName(dag_id, "load_1"), XComName(dag_id, "extract_1", "return_value")
    times = []
    for _ in range(QUESTIONS):
        start = time.process_time()
        Access([facts_of(read, default_consumers="same_dag")]).can_pull(consumer, xcom)
        times.append(1000 * (time.process_time() - start))
    worst = max(times)
    line = f"one question on one DAG: {statistics.median(times):.1f} ms, the slowest {worst:.1f} ms"
    return f"{line} (at most {LIMIT_QUESTION_MS:g} ms)", worst <= LIMIT_QUESTION_MS


if __name__ == "__main__":
    if sys.argv[1:2] == ["model"]:
        model(*sys.argv[2:])
    else:
        sys.exit(main())
