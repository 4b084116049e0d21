"""The process that parses DAG files: `python -m exclusive_redis_xcom.access.parsing_process PATH WORD OUTPUT`.

DAG files run whatever they hold, and two versions of one folder share the names of their modules. So each set of files
is parsed in a process of its own. What it found goes to a file, because DAG files may print.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from exclusive_redis_xcom.access import facts_json, parsed
from exclusive_redis_xcom.errors import ExclusiveXComError


def main(path: str, default_consumers: str, output: str) -> None:
    """Parse all DAG files below a path, and write what they say and which of them failed."""
    bag = dag_bag(path)
    errors = {str(file): str(error) for file, error in bag.import_errors.items()}
    dags = []
    for dag in bag.dags.values():
        try:
            dags.append(facts_json.to_json(parsed.facts_of(dag, default_consumers=default_consumers)))
        except ExclusiveXComError as error:
            errors[dag.fileloc] = f"{type(error).__name__}: {error}"
    Path(output).write_text(json.dumps({"dags": dags, "errors": errors}))


def dag_bag(path: str) -> Any:
    """Parse DAG files as Airflow's DAG processor does."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag
    folder = Path(path)
    return DagBag(path, bundle_path=folder if folder.is_dir() else folder.parent)


if __name__ == "__main__":
    main(*sys.argv[1:])
