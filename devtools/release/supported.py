"""Whether `pyproject.toml` says the same of supported versions everywhere, and has the links of a release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Links that a release must have, by their names in [project.urls].
LINKS = ("Repository", "Issues")
_PYTHON = "Programming Language :: Python :: "


def problem_of_links(project: dict[str, Any]) -> str:
    """Return which links are missing in [project.urls], or are no public address; or nothing."""
    urls: dict[str, str] = project.get("urls", {})
    missing = [name for name in LINKS if not urls.get(name, "").startswith("https://")]
    if not missing:
        return ""
    return f"[project.urls] in pyproject.toml has no {' and no '.join(missing)}: add the public https:// address"


def problem_of_versions(project: dict[str, Any], pythons: Iterable[str], airflows: Iterable[str]) -> str:
    """Return what the classifiers and requirements say else than the supported versions, or nothing.

    Args:
        project: The table [project].
        pythons: The supported Pythons, such as 3.10, the oldest first.
        airflows: The Airflows that are tested, such as 3.1.8.
    """
    told = [name.removeprefix(_PYTHON) for name in project["classifiers"] if name.startswith(f"{_PYTHON}3.")]
    if told != list(pythons):
        return f"the classifiers name Python {', '.join(told)}, and {', '.join(pythons)} are supported"
    allowed = SpecifierSet(project["requires-python"])
    refused = [python for python in pythons if f"{python}.99" not in allowed]
    if refused:
        return f"requires-python refuses Python {', '.join(refused)}"
    airflow = next(found for found in map(Requirement, project["dependencies"]) if found.name == "apache-airflow")
    refused = [version for version in airflows if version not in airflow.specifier]
    return f"apache-airflow{airflow.specifier} refuses {', '.join(refused)}, which are tested" if refused else ""
