"""Airflow's own example DAGs: which of them are about XComs, and how they are copied so that two runs compare.

They are copied as they are, but for what would make any two runs differ (`REPLACED`) and their schedules.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
from pathlib import Path

#: A later folder's file wins: Airflow 3.1 has copies of the standard provider's files that fit it better.
FOLDERS = ("providers/standard/example_dags", "example_dags", "example_dags/standard")

#: A file is selected when its name or text shows one of these.
TOPICS = {
    "XCom": re.compile(r"xcom|\bmultiple_outputs\b|\.output\b", re.IGNORECASE),
    "TaskFlow": re.compile(r"^\s*@task\b", re.MULTILINE),
    "mapping": re.compile(r"\.expand(_kwargs)?\(|\.partial\("),
    "branching": re.compile(r"branch|short_?circuit|LatestOnly", re.IGNORECASE),
    "setup and teardown": re.compile(r"\bas_setup\b|\bas_teardown\b|@setup\b|@teardown\b"),
}

_ASSETS = "about assets: asset events start its DAGs, and nothing is passed on by XCom"
_KUBERNETES = "needs a Kubernetes cluster"

#: Selected files that are not run, and why.
LEFT_OUT = {
    "example_asset_alias.py": _ASSETS,
    "example_asset_decorator.py": _ASSETS,
    "example_asset_partition.py": _ASSETS,
    "example_asset_state_store.py": _ASSETS,
    "example_asset_with_watchers.py": _ASSETS,
    "example_hitl_operator.py": "a person has to answer in the UI",
    "example_inlet_event_extra.py": _ASSETS,
    "example_kubernetes_executor.py": _KUBERNETES,
    "example_local_kubernetes_executor.py": _KUBERNETES,
    "example_outlet_event_extra.py": _ASSETS,
    "example_passing_params_via_test_command.py": "made for `airflow tasks test`; in any other run it fails",
    "example_python_decorator.py": "its last task needs colorama, from a package index; the others only sleep",
    "example_retry_policy.py": "its only task asks a server on the internet, and is retried for minutes",
    "example_task_state_store_async.py": "calls what Airflow 3.3.2's own task state store does not have",
    "tutorial_objectstorage.py": "needs S3, a server on the internet, and duckdb",
}

_NO_CHANCE = "a random choice, other in each run"
_NO_CLOCK = "branches by the wall clock: the two runs may lie on both sides of the hour it asks for"

#: File -> (text, its replacement, why it cannot stay in a run that is compared with another).
REPLACED = {
    "example_branch_datetime_operator.py": (
        "target_upper=pendulum.time(0, 0, 0)",
        "use_task_logical_date=True, target_upper=pendulum.time(0, 0, 0)",
        _NO_CLOCK,
    ),
    "example_branch_day_of_week_operator.py": ("week_day=", "use_task_logical_date=True, week_day=", _NO_CLOCK),
    "example_branch_operator.py": ("random.choice(", "min(", _NO_CHANCE),
    "example_branch_operator_decorator.py": ("random.choice(", "min(", _NO_CHANCE),
    "example_task_state_store.py": ("random.randint(", "min(", _NO_CHANCE),
    "example_task_state_store_mapped.py": ("random.randint(", "min(", _NO_CHANCE),
}


def topics(name: str, text: str) -> set[str]:
    """Return which of `TOPICS` a file is about."""
    return {topic for topic, pattern in TOPICS.items() if pattern.search(f"{name}\n{text}")}


def selected() -> dict[str, Path]:
    """Return the installed Airflow's example files about any of `TOPICS`, by name."""
    return {name: path for name, path in _example_files().items() if topics(name, path.read_text())}


def to_run() -> list[str]:
    """Return the names of the selected files that are not left out."""
    return sorted(set(selected()) - set(LEFT_OUT))


def copy_examples(dags_folder: Path) -> None:
    """Put the files to be run, and the SQL templates that some of them render, into a DAGs folder."""
    files = selected()
    for name in to_run():
        (dags_folder / name).write_text(prepared(name, files[name].read_text()))
    for folder in sorted({path.parent for path in files.values()}):
        if (folder / "sql").is_dir():
            shutil.copytree(folder / "sql", dags_folder / "sql", dirs_exist_ok=True)


def prepared(name: str, text: str) -> str:
    """Return a file's text with no schedule, and without what `REPLACED` names for it."""
    if name in REPLACED:
        old, new, _ = REPLACED[name]
        if old not in text:
            raise ValueError(f"{name} no longer holds {old!r}: see whether two runs of it compare now")
        text = text.replace(old, new)
    return _unscheduled(text)


def _unscheduled(text: str) -> str:
    """Replace every DAG's schedule by None: the test alone starts runs, of DAGs that are not paused."""
    lines = text.splitlines(keepends=True)
    values = [
        keyword.value
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and getattr(call.func, "id", None) in ("DAG", "dag")
        for keyword in call.keywords
        if keyword.arg == "schedule"
    ]
    for value in sorted(values, key=lambda value: value.lineno, reverse=True):
        first, last = value.lineno - 1, value.end_lineno or value.lineno
        # ast counts columns in bytes.
        before = lines[first].encode()[: value.col_offset].decode()
        after = lines[last - 1].encode()[value.end_col_offset :].decode()
        lines[first:last] = [f"{before}None{after}"]
    return "".join(lines)


def _example_files() -> dict[str, Path]:
    spec = importlib.util.find_spec("airflow")
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("Airflow is not installed")
    packages = [Path(location) for location in spec.submodule_search_locations]
    return {path.name: path for folder in FOLDERS for package in packages for path in (package / folder).glob("*.py")}
