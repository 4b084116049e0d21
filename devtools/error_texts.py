"""`make lint`: an error of ours begins with the decision, on a line that a log view shows whole.

The first line of a text has at most 100 characters. Further lines give the cause and then the remedy. This program
looks at texts that stand in a call of one of our error types. A name in such a text counts as `ONE_NAME` characters.
"""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exclusive_redis_xcom import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Characters that a folded line of Airflow's log view shows on a small screen.
LONGEST = 100
#: What stands for a placeholder in the texts of `first_lines`.
_ANY = "..."
#: Characters that a placeholder in an f-string counts as.
ONE_NAME = 10

_TYPES = frozenset(name for name, _ in inspect.getmembers(errors, inspect.isclass))


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Find first lines that are too long: line number and complaint.

    Args:
        source: The text of a Python file.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args or _called(node) not in _TYPES:
            continue
        first = _text(node.args[0]).partition("\n")[0]
        if len(first) > LONGEST:
            yield node.lineno, f"the first line of this error has about {len(first)} characters: {first[:60]!r}"


def first_lines(source: str) -> Iterator[tuple[str, str]]:
    """Find the first lines that errors can have: type and text. `...` stands for what is known only when it happens.

    A text is found where it stands in the call, in a `fitted` there, or in a variable or an inner function. What other
    functions make is left out.

    Args:
        source: The text of a Python file.
    """
    if not any(name in source for name in _TYPES):
        return  # most files make no error, and need no parsing
    tree = ast.parse(source)
    for scope in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        errors_made = [node for node in ast.walk(scope) if isinstance(node, ast.Call) and _makes_an_error(node)]
        known = _assigned(scope) if errors_made else {}
        for node in errors_made:
            texts = {text.partition("\n")[0] for text in _written(node.args[0], known)}
            yield from ((_called(node), text) for text in sorted(texts) if any(map(str.isalpha, text)))


def _makes_an_error(node: ast.Call) -> bool:
    return bool(node.args) and _called(node) in _TYPES


def _assigned(scope: ast.FunctionDef) -> dict[str, list[ast.expr]]:
    """Return what the names of a function stand for: what its variables are set to, and what functions in it return."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.FunctionDef) and node is not scope:
            returned = [inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return)]
            found[node.name] = [value for value in returned if value is not None]
    return found


def _written(node: ast.expr, known: dict[str, list[ast.expr]]) -> list[str]:
    """Return all texts that an expression can make, as far as they stand in the code."""
    if isinstance(node, ast.Constant):
        return [node.value if isinstance(node.value, str) else _ANY]
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else _ANY for part in node.values)]
    if isinstance(node, ast.BinOp):
        return [left + right for left in _written(node.left, known) for right in _written(node.right, known)]
    # A variable that is made of itself has an end.
    inside = {name: values for name, values in known.items() if not isinstance(node, ast.Name) or name != node.id}
    return [text for source in _sources(node, known) for text in _written(source, inside)] or [_ANY]


def _sources(node: ast.expr, known: dict[str, list[ast.expr]]) -> list[ast.expr]:
    """Return what makes the first line of an expression: each is one way to make it."""
    if isinstance(node, ast.Name):
        return known.get(node.id, [])
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.Lambda):
        return [node.body]
    if isinstance(node, (ast.Tuple, ast.List)):
        return node.elts[:1]
    joins = isinstance(node, ast.Call) and _called(node) in ("fitted", "lines", "join")
    return node.args[:1] if isinstance(node, ast.Call) and joins else []


def _called(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _text(node: ast.expr) -> str:
    """Return a text with its placeholders filled; "" for what is no text in the code."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "x" * ONE_NAME for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return ""


def main() -> int:
    """Print the faults of the package's files; return 1 if there are any."""
    listed = subprocess.run(
        ["git", "ls-files", "exclusive_redis_xcom/*.py"], check=True, capture_output=True, text=True
    )
    paths = sys.argv[1:] or [line for line in listed.stdout.splitlines() if Path(line).exists()]
    found = [f"{path}:{line}: {complaint}" for path in paths for line, complaint in faults(Path(path).read_text())]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
