"""The pages have what the code says, and `make reference` is what writes it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

import exclusive_redis_xcom
from devtools.reference import PARTS, command_line, docstring, errors, markdown, markers, python_api, settings
from exclusive_redis_xcom import testing
from exclusive_redis_xcom.cli import program
from exclusive_redis_xcom.reporting import metric_names
from exclusive_redis_xcom.settings import OPTIONS

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if markers.names(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_what_make_reference_writes(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert markers.renewed(text, PARTS) == text, "run `make reference`, and look at what has changed"


def test_each_part_is_on_one_page() -> None:
    assert sorted(name for page in PAGES for name in markers.names(page.read_text(encoding="utf-8"))) == sorted(PARTS)


def test_what_is_between_markers_is_replaced_and_prose_stays() -> None:
    page = (
        "Before.\n\n<!-- generated from the code, by `make reference`: a -->\nold\n<!-- end of a -->\n\nAfter.\n"
        "<!-- end of b -->\n"
    )

    renewed = markers.renewed(page, {"a": lambda: "new\n"})

    assert renewed == (
        "Before.\n\n<!-- generated from the code, by `make reference`: a -->\n\nnew\n\n<!-- end of a -->\n\nAfter.\n"
        "<!-- end of b -->\n"
    )


def test_a_part_that_nothing_writes_is_an_error() -> None:
    with pytest.raises(KeyError, match="a"):
        markers.renewed("<!-- generated from the code, by `make reference`: a -->\n<!-- end of a -->\n", {})


def test_every_argument_of_every_command_is_on_the_page() -> None:
    page = (DOCS / "reference/command-line.md").read_text()
    missing = []
    for name in program.COMMANDS:
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for action in command_line.parser_of(name)._actions:
            shown = (
                f"`{action.option_strings[-1]}" if action.option_strings else f"| `{action.metavar or action.dest}` |"
            )
            if "--help" not in action.option_strings and shown not in section:
                missing.append(f"{name} {shown}")

    assert missing == []


def test_the_page_and_help_have_the_same_description() -> None:
    parser = argparse.ArgumentParser("lint")
    program.module_of("lint").add_arguments(parser)
    page = (DOCS / "reference/command-line.md").read_text()

    assert parser.description is not None
    before, _, status = parser.description.partition(" Exit status: ")
    assert status.startswith("0 nothing found; 1 findings at --fail-level or above; 2 ")
    assert (
        f"## lint\n\n{before}\n\n| Exit status | Meaning |\n|---|---|\n| 0 | nothing found |\n"
        "| 1 | findings at `--fail-level` or above |\n| 2 |"
    ) in page


@pytest.mark.parametrize("module", [exclusive_redis_xcom, testing], ids=lambda module: module.__name__)
def test_every_public_name_is_on_a_page(module: Any) -> None:
    api = (DOCS / "reference/python-api.md").read_text()
    table = (DOCS / "reference/errors.md").read_text()
    base = exclusive_redis_xcom.ExclusiveXComError

    assert [
        name
        for name in module.__all__
        if f"\n### {name}\n" not in api and f"| `{name}` (" not in table and getattr(module, name) is not base
    ] == []


def test_every_error_says_what_to_do() -> None:
    rows = errors.table_of_errors().splitlines()[2:]

    assert len(rows) == len(errors.all_errors()) > 10
    assert [row for row in rows if not row.rstrip("| ").endswith(".")] == []


def test_what_is_linked_to_more_about_it_exists() -> None:
    kinds = {kind.__name__ for kind in errors.all_errors()}

    assert errors._MORE.keys() <= kinds
    assert settings._MORE.keys() <= {option.name for option in OPTIONS}


def test_an_error_without_a_remedy_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusive_redis_xcom.XComExpired, "__doc__", "The value is gone.")

    with pytest.raises(ValueError, match="the docstring of XComExpired has no paragraph 'What to do: '"):
        errors.table_of_errors()


def test_every_metric_is_in_the_table() -> None:
    names = [value for name, value in vars(metric_names).items() if name.isupper() and isinstance(value, str)]

    assert len(names) > 15
    assert [metric.name for metric in metric_names.METRICS] == names


def test_a_signature_is_that_of_the_source_with_constants_as_values() -> None:
    assert python_api.signature("assert_only", testing.assert_only) == (
        "assert_only(\n    dags: Dags,\n    producer: str,\n    key: str,\n    consumers: Iterable[str],\n    *,\n"
        "    default_consumers: str | None = None,\n) -> None"
    )
    assert "    key: str = 'return_value',\n" in python_api.signature("pull", exclusive_redis_xcom.pull)


def documented(first: int, *rest: int) -> int:
    """Do something.

        example(1)

    More.

    Args:
        first: The first
            number.
        *rest: The others.

    Returns:
        A number.

    Raises:
        ValueError: It is negative.
    """
    return first + sum(rest)


def test_a_docstring_is_taken_apart() -> None:
    assert docstring.docstring_of(documented) == docstring.Docstring(
        "Do something.\n\n```python\nexample(1)\n```\n\nMore.",
        {
            "Args": [("first", "The first number."), ("*rest", "The others.")],
            "Raises": [("ValueError", "It is negative.")],
        },
        "A number.",
    )


def test_pipes_in_cells_are_escaped() -> None:
    assert markdown.table(("A", "B"), [("`a|b`", "")]) == "| A | B |\n|---|---|\n| `a\\|b` | |"
