"""docs/how-to/recipes/rules-in-yaml.md: dag-factory makes the DAG, and its rule is enforced."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from devtools.airflow_stack import ROOT
from tests.acceptance.recipes.conftest import Run, not_in_page

LOCK = Path(__file__).with_name("dag-factory.txt")
UV = ROOT / ".make" / "uv"


@pytest.fixture(scope="module")
def dag_factory() -> Path:
    """A folder with dag-factory alone. It is no development dependency: its plugin would be in every Airflow here."""
    folder = ROOT / ".make" / f"dag-factory-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    if not (folder / "dagfactory").exists():
        options = ["--quiet", "--no-deps", "--require-hashes", "--target", str(folder), "--requirements", str(LOCK)]
        subprocess.run([str(UV), "pip", "install", *options], check=True, timeout=300)
    return folder


def test_a_rule_in_yaml_is_enforced(run: Callable[..., Run], dag_factory: Path) -> None:
    done = run(
        "rules_in_yaml",
        path=os.fspath(dag_factory),
        AIRFLOW__DAG_FACTORY__ENABLE_TELEMETRY="False",
    )

    assert done.states == {"extract": "success", "load": "success", "report": "failed"}
    assert done.refusals() == ["XComAccessDenied: report may not pull 'return_value' of extract: only load may."]
    assert not_in_page("rules-in-yaml.md", done.refusals()) == []
