"""The parts of `docs/` that come from the code. `make reference` writes them, and a test fails if one is out of date.

A page has such a part between two markers, and prose around it. `PARTS` has the function that writes each part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from devtools.reference import command_line, contents, errors, lint_checks, metrics, python_api, settings

if TYPE_CHECKING:
    from collections.abc import Callable

#: The name of each part in its markers, and what writes it.
PARTS: Final[dict[str, Callable[[], str]]] = {
    "contents": contents.contents,
    "settings": settings.table_of_options,
    "settings-explained": settings.explanations,
    "errors": errors.table_of_errors,
    "metrics": metrics.table_of_metrics,
    "commands": command_line.all_commands,
    "python-api": python_api.public_names,
    "testing-api": python_api.names_for_tests,
    "lint-checks": lint_checks.table_of_checks,
    "lint-explanations": lint_checks.explanations,
}
