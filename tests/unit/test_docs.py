"""The documentation keeps up with the code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from exclusive_redis_xcom import errors
from exclusive_redis_xcom.settings import OPTIONS, Option

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
#: A path from the root of the repository.
PATH = re.compile(r"\b(?:exclusive_redis_xcom|tests|docs|devtools|benchmarks|docker|examples|findings)/[\w./*-]+")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_settings_page_has_every_option_with_its_default(option: Option) -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith(f"| [`{option.name}`](#{option.name}) |")]

    assert len(rows) == 1
    assert (f"`{option.default}`" in rows[0]) == bool(option.default)


def test_the_errors_page_has_every_error_with_its_builtin() -> None:
    text = (ROOT / "docs/reference/errors.md").read_text()
    base = errors.ExclusiveXComError
    public = [
        cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, base) and cls is not base
    ]
    # The builtin, or the error of ours that it refines.
    above = {cls: next(other.__name__ for other in cls.__bases__ if other is not base) for cls in public}

    assert public
    assert [cls.__name__ for cls in public if f"| `{cls.__name__}` (`{above[cls]}`) |" not in text] == []


def test_contributing_lists_the_layers_of_the_contract_in_order() -> None:
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("\n## Layers\n")[2].partition("\n## ")[0]
    told = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in section.splitlines() if row.startswith("| `")]
    contract = re.search(r"^layers = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)

    assert contract is not None
    assert told == [re.findall(r"\((\w+)\)", line) for line in contract[1].splitlines()]


def test_the_readme_fits_its_limit() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = [(page.parent / path if path else page, anchor) for path, anchor in LINK.findall(page.read_text())]

    assert [target for target, _ in targets if not target.exists()] == []
    assert [(target.name, anchor) for target, anchor in targets if anchor and anchor not in anchors(target)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    named = {path for span in re.findall(r"`([^`\n]+)`", text) for path in PATH.findall(span.partition(":")[0])}

    assert [path for path in sorted(named) if not any(ROOT.glob(path))] == []


def test_a_file_that_does_not_exist_is_noticed() -> None:
    assert PATH.findall("exclusive_redis_xcom/no/such.py") == ["exclusive_redis_xcom/no/such.py"]
    assert not any(ROOT.glob("exclusive_redis_xcom/no/such.py"))


def anchors(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
