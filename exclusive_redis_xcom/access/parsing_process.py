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
from exclusive_redis_xcom.declaration import places
from exclusive_redis_xcom.declaration.param import DeclaredAcl
from exclusive_redis_xcom.errors import ExclusiveXComError, InvalidAcl


def main(path: str, default_consumers: str, output: str) -> None:
    """Parse all DAG files below a path, and write what they say and which of them failed."""
    bag = dag_bag(path)
    errors = {str(file): str(error) for file, error in bag.import_errors.items()}
    dags, refused = [], []
    for dag in (*bag.refused, *bag.dags.values()):
        try:
            dags.append(facts_json.to_json(parsed.facts_of(dag, default_consumers=default_consumers)))
        except InvalidAcl as error:
            errors[dag.fileloc] = f"{type(error).__name__}: {error}"
            refused.append(_refused(dag, error, default_consumers))
        except ExclusiveXComError as error:
            errors[dag.fileloc] = f"{type(error).__name__}: {error}"
    Path(output).write_text(json.dumps({"dags": dags, "errors": errors, "refused": refused}))


def _refused(dag: Any, error: InvalidAcl, default_consumers: str) -> dict[str, Any]:
    """Write why a DAG's rules were refused, with the facts of the DAG if its rules are well-formed."""
    file, line = places.place_of_entry(error.names, DeclaredAcl(dag).value, dag)
    written = {"dag_id": dag.dag_id, "file": file, "line": line, "path": dag.fileloc, "text": str(error)}
    try:
        facts = facts_json.to_json(parsed.unchecked_facts_of(dag, default_consumers=default_consumers))
    except InvalidAcl:
        facts = None
    return {**written, "fault": error.fault, "facts": facts}


def dag_bag(path: str) -> Any:
    """Parse DAG files as Airflow's DAG processor does. `refused` of the bag has the DAGs whose rules are wrong."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag

    class Bag(DagBag):  # type: ignore[misc]  # airflow.* is not analysed, see pyproject.toml
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.refused: list[Any] = []  # the base class fills the bag at once
            super().__init__(*args, **kwargs)

        def bag_dag(self, dag: Any) -> None:
            try:
                super().bag_dag(dag)
            except Exception as error:
                if type(error).__name__ == InvalidAcl.__name__:  # Airflow lets a policy raise its own type alone
                    self.refused.append(dag)
                raise

    folder = Path(path)
    return Bag(path, bundle_path=folder if folder.is_dir() else folder.parent)


if __name__ == "__main__":
    main(*sys.argv[1:])
