"""Make the DAGs of `rules_in_yaml.yaml` with dag-factory. Where dag-factory is not installed, this file has no DAG."""

from importlib.util import find_spec
from pathlib import Path

from airflow.sdk import DAG  # noqa: F401 - Airflow skips files that do not name it

if find_spec("dagfactory"):
    from dagfactory import load_yaml_dags

    load_yaml_dags(globals_dict=globals(), config_filepath=str(Path(__file__).with_suffix(".yaml")))
