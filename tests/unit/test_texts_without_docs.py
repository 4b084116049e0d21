"""Whoever installed the wheel has no folder `docs/`: no text that they get to see sends them there."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import exclusive_redis_xcom
from exclusive_redis_xcom import codec

PACKAGE = Path(exclusive_redis_xcom.__file__).parent
_PAGE = re.compile(r"\bdocs/|\w\.md\b")


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Yield the texts of a module that are no docstrings."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def test_no_text_names_a_page_of_the_repository() -> None:
    modules = sorted(PACKAGE.rglob("*.py"))
    found = [
        f"{path.relative_to(PACKAGE)}:{line}"
        for path in modules
        for line, text in texts(path.read_text())
        if _PAGE.search(text)
    ]

    assert len(modules) > 150
    assert found == []


def test_no_help_of_a_public_name_does() -> None:
    public = [getattr(module, name) for module in (exclusive_redis_xcom, codec) for name in module.__all__]
    documented = [found for found in public if callable(found)]

    assert len(documented) > 10
    assert [found for found in documented if _PAGE.search(inspect.getdoc(found) or "")] == []


def test_such_a_text_would_be_found() -> None:
    source = '"""See docs/x.md."""\nREMEDY = "See docs/reference/redis.md."\n'

    assert [line for line, text in texts(source) if _PAGE.search(text)] == [2]
