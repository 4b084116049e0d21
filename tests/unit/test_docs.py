"""The documentation keeps up with the code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from exclusive_redis_xcom import errors
from exclusive_redis_xcom.settings import OPTIONS, Option

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_settings_page_has_every_option_with_its_default(option: Option) -> None:
    rows = [line for line in (ROOT / "docs/settings.md").read_text().splitlines() if f"| `{option.name}` |" in line]

    assert len(rows) == 1
    assert (f"`{option.default}`" in rows[0]) == bool(option.default)


def test_the_errors_page_has_every_error_with_its_builtin() -> None:
    text = (ROOT / "docs/errors.md").read_text()
    base = errors.ExclusiveXComError
    public = [
        cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, base) and cls is not base
    ]
    # The builtin, or the error of ours that it refines.
    above = {cls: next(other.__name__ for other in cls.__bases__ if other is not base) for cls in public}

    assert public
    assert [cls.__name__ for cls in public if f"| `{cls.__name__}` (`{above[cls]}`) |" not in text] == []


def test_the_readme_fits_its_limit() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []
