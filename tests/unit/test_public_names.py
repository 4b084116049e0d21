"""The public names, and the file that tells type checkers' view of them."""

from __future__ import annotations

import ast
from pathlib import Path

import exclusive_redis_xcom

TYPED = Path(__file__).resolve().parents[1] / "typing" / "api.py"


def test_mypy_checks_a_use_of_every_public_name() -> None:
    tree = ast.parse(TYPED.read_text())
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

    assert set(exclusive_redis_xcom.__all__) - used == set()
