"""Every example has a page and a test, and no code stands in two versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exclusive_redis_xcom.access.loading import load

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
FOLDER = ROOT / "docs/how-to/recipes"
INDEX = FOLDER / "index.md"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path != INDEX)
DAG_FILES = sorted(EXAMPLES.rglob("*.py"))
#: What acceptance tests run is named there as a whole text.
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests/acceptance").rglob("test_*.py"))
#: Files with other DAGs than one of their own name. Without dag-factory, there is none.
NAMED_OTHERWISE = {
    "shared_report": ("sales_report", "mail_report"),
    "two_tenants": ("sales_daily", "finance_daily"),
    "rules_in_yaml": (),
}
#: Languages of blocks that are copies of files. Blocks of other languages are commands, settings and output.
COPIED = ("python", "yaml")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"\]\((?:\.\./)+(examples/[\w./-]+\.\w+)\)")


def page_of(file: Path) -> Path:
    return FOLDER / f"{file.stem.replace('_', '-')}.md"


def files_of(page: Path) -> list[Path]:
    """The files that a page links to."""
    return [ROOT / name for name in dict.fromkeys(_FILE.findall(page.read_text()))]


def test_every_example_has_a_page_and_every_page_an_example() -> None:
    assert DAG_FILES
    assert sorted(map(page_of, DAG_FILES)) == PAGES


@pytest.mark.usefixtures("warm_parsing")
def test_all_examples_are_parsed() -> None:
    loaded = load(EXAMPLES, default_consumers="same_dag")

    assert loaded.errors == {}
    assert {facts.dag_id for facts in loaded.dags} == {
        *(file.stem for file in DAG_FILES if file.stem not in NAMED_OTHERWISE),
        *(dag_id for dag_ids in NAMED_OTHERWISE.values() for dag_id in dag_ids),
    }


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.stem)
def test_an_acceptance_test_runs_the_example(file: Path) -> None:
    assert f'"{file.stem}"' in TESTS or f'"{file.name}"' in TESTS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_its_example(page: Path) -> None:
    assert page_of(files_of(page)[0]) == page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_code_in_a_page_is_code_of_its_files(page: Path) -> None:
    shown = [text for language, text in _BLOCK.findall(page.read_text()) if language in COPIED]
    files = [path.read_text() for path in files_of(page)]

    assert shown
    assert [text for text in shown if not any(text in file for file in files)] == []


def test_the_index_has_one_line_for_each_page() -> None:
    listed = re.findall(r"^\| \[[^]]+\]\(([\w-]+\.md)\) \| [^|]+ \|$", INDEX.read_text(), re.MULTILINE)

    assert sorted(listed) == [page.name for page in PAGES]
