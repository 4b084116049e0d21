"""What the programs of `benchmarks.scale` share: a home, a last line of JSON, and commands that they time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devtools.airflow_home import ROOT
from devtools.components import BACKEND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def found_by(name: str, *, quick: bool) -> dict[str, Any]:
    """Run one of the programs, and return its figures. What it says else goes to stderr."""
    command = [sys.executable, "-m", f"benchmarks.scale.{name}", *(["--quick"] if quick else [])]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return found


def main(measure: Callable[..., dict[str, Any]]) -> int:
    """Measure in a home of this process, and print the figures as one line."""
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as home:
        os.environ.update(
            {
                "AIRFLOW_HOME": home,
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
                "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
                "PYTHONPATH": str(ROOT),
            }
        )
        found = measure(Path(home), quick="--quick" in sys.argv[1:])
    print(json.dumps(found))
    return 0


def timed(command: Sequence[str], env: Mapping[str, str], *, status: int = 0) -> dict[str, float]:
    """Run a command to its end; return its seconds, its processor time, and the most memory that it had, in MB.

    Raises:
        CalledProcessError: It ended with another status.
    """
    with tempfile.TemporaryFile() as said:
        measuring = [sys.executable, "-S", "-c", _MEASURING, *command]
        done = subprocess.run(measuring, stdout=subprocess.PIPE, stderr=said, env={**os.environ, **env}, check=False)
        if done.returncode != status:
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace")[-2000:])
            raise subprocess.CalledProcessError(done.returncode, command)
    found: dict[str, float] = json.loads(done.stdout)
    return found


#: A process inherits the memory of the one that starts it, in what Linux counts. So a small one stands in between.
_MEASURING = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
status = subprocess.call(sys.argv[1:], stdout=sys.stderr)
seconds, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}))
sys.exit(status)
"""
