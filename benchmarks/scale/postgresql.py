"""All results of a mapped task on PostgreSQL, in turn with Airflow's default backend: `make bench-postgresql`.

It needs the environment of `make test-production`, whose Airflow has PostgreSQL's drivers. The API servers are the real
ones, each in a process of its own. Tasks are played, so neither side pays for a supervisor. Pass `--quick` for fewer
results and rounds.
"""

from __future__ import annotations

import os
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from benchmarks import figures
from benchmarks.scale import limits, rendering
from devtools.airflow_home import ROOT
from devtools.components import BACKEND
from devtools.postgres_server import PostgresServer, find_postgres

if TYPE_CHECKING:
    from pathlib import Path

NAME = "postgresql"
_COUNTS = {False: (1_000, 10_000), True: (100,)}
_ROUNDS = {False: 15, True: 3}


def main() -> int:
    """Measure, keep the figures, and print them. Return 1 if a limit is exceeded."""
    programs = find_postgres()
    if programs is None:
        print("skipped: there is no PostgreSQL: neither Debian's package nor an initdb on PATH")
        return 0
    quick = "--quick" in sys.argv[1:]
    folder = figures.QUICK_FOLDER if quick else figures.FOLDER
    with PostgresServer(programs) as server, tempfile.TemporaryDirectory(prefix="bench-postgresql-") as home:
        os.environ.update(
            {
                "AIRFLOW_HOME": home,
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": server.url,
                "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
                "PYTHONPATH": str(ROOT),
            }
        )
        _save(folder, quick=quick)
    section = {NAME: figures.load(folder)[NAME]}
    print(rendering.PARTS["scale-postgresql"][1](section))
    return int(any(found > limit for _, found, limit, *_ in limits.found(section)))


def _save(folder: Path, *, quick: bool) -> None:
    from benchmarks.scale.mapped import measured
    from devtools.worlds import airflow_rows

    counts: list[dict[str, Any]] = []
    for count in _COUNTS[quick]:
        counts.append(measured(count, _ROUNDS[quick], "PostgreSQL"))
        airflow_rows.empty()
    figures.save(folder, NAME, {"counts": counts})


if __name__ == "__main__":
    sys.exit(main())
