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
