"""The process that parses DAG files: `python -m exclusive_redis_xcom.access.parsing_process PATH WORD OUTPUT`.

DAG files run whatever they hold, and two versions of one folder share the names of their modules. So each set of files
is parsed in a process of its own. What it found goes to a file, because DAG files may print.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from exclusive_redis_xcom.access import facts_json, parsed
from exclusive_redis_xcom.declaration import places
from exclusive_redis_xcom.declaration.param import DeclaredAcl
from exclusive_redis_xcom.errors import ExclusiveXComError, InvalidAcl


def main(path: str, default_consumers: str, output: str) -> None:
    """Parse all DAG files below a path, and write what they say and which of them failed.

    While it reads a file, the name of that file stands beside the output, in a file with the suffix `.file`.
    """
    process = os.getpid()
    bag = dag_bag(path, under_way=Path(output).with_suffix(".file"))
    if os.getpid() != process:
        os._exit(0)  # a DAG file has forked; its child must not answer, too
    errors = {str(file): str(error) for file, error in bag.import_errors.items()}
    errors.update(bag.twice)
    dags, refused = [], []
    for dag in (*bag.refused, *bag.dags.values()):
        try:
            dags.append(facts_json.to_json(parsed.facts_of(dag, default_consumers=default_consumers)))
        except InvalidAcl as error:
            if dag not in bag.refused:  # Airflow has an error for these
                errors[dag.fileloc] = f"{type(error).__name__}: {error}"
            refused.append(_refused(dag, error, default_consumers))
        except ExclusiveXComError as error:
            errors[dag.fileloc] = f"{type(error).__name__}: {error}"
    # The whole output appears at once.
    unfinished = Path(f"{output}.unfinished")
    unfinished.write_text(json.dumps({"dags": dags, "errors": errors, "refused": refused}))
    unfinished.rename(output)


def _refused(dag: Any, error: InvalidAcl, default_consumers: str) -> dict[str, Any]:
    """Write why a DAG's rules were refused, with the facts of the DAG if its rules are well-formed."""
    file, line = places.place_of_entry(error.names, DeclaredAcl(dag).value, dag)
    written = {"dag_id": dag.dag_id, "file": file, "line": line, "path": dag.fileloc, "text": str(error)}
    try:
        facts = facts_json.to_json(parsed.unchecked_facts_of(dag, default_consumers=default_consumers))
    except InvalidAcl:
        facts = None
    return {**written, "fault": error.fault, "facts": facts}


def dag_bag(path: str, under_way: Path | None = None) -> Any:
    """Parse DAG files as Airflow's DAG processor does it.

    Args:
        path: A DAG file, or a folder with DAG files.
        under_way: Where to write the name of the file that is being read.

    Returns:
        Airflow's `DagBag`. Its attribute `twice` has an error for each file that makes two DAGs with one id. `refused`
        has the DAGs whose rules are wrong.
    """
    folder = Path(path)
    return _bag_class()(path, bundle_path=folder if folder.is_dir() else folder.parent, under_way=under_way)


def _bag_class() -> Any:
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag

    class Bag(DagBag):  # type: ignore[misc]  # airflow.* is not analysed, see pyproject.toml
        """A DagBag that notes which file it reads. Airflow takes the last of two DAGs with one id in one file."""

        def __init__(self, path: str, *, bundle_path: Path, under_way: Path | None) -> None:
            self.twice: dict[str, str] = {}
            self.refused: list[Any] = []
            self._under_way = under_way
            super().__init__(path, bundle_path=bundle_path)

        def process_file(self, filepath: Any, *args: Any, **kwargs: Any) -> Any:
            if self._under_way is not None:
                self._under_way.write_text(str(filepath))
            return super().process_file(filepath, *args, **kwargs)

        def bag_dag(self, dag: Any, *args: Any, **kwargs: Any) -> Any:
            known = self.dags.get(dag.dag_id)
            if known is not None and known is not dag and known.fileloc == dag.fileloc:
                self.twice[dag.fileloc] = f"It makes two DAGs with the id '{dag.dag_id}'. Airflow takes only the last."
            try:
                return super().bag_dag(dag, *args, **kwargs)
            except Exception as error:
                if type(error).__name__ == InvalidAcl.__name__:  # Airflow lets a policy raise its own type alone
                    self.refused.append(dag)
                raise

    return Bag


if __name__ == "__main__":
    main(*sys.argv[1:])
