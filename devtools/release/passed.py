"""Which targets of make have passed on which commit. They leave a note in `.make/passed/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devtools.release.steps import FailedError

if TYPE_CHECKING:
    from devtools.release.repository import Repository

_FOLDER = ".make/passed"
#: What has to pass on the commit of a release, and how it is run.
TARGETS = {
    "test-3.3.2": "make test",
    "test-3.2.2": "make test-airflow AIRFLOW=3.2.2",
    "test-3.1.8": "make test-airflow AIRFLOW=3.1.8",
    "test-production": "make test-production",
    "test-install": "make test-install",
    "demo": "make demo",
}


def note(repository: Repository, target: str) -> None:
    """Note that a target has passed on the commit that is checked out.

    Nothing is noted if no release needs this target. Nothing is noted either if the tree has changes, or is no clone.
    """
    try:
        unknown = target not in TARGETS or bool(repository.changes)
    except FailedError:
        return
    if unknown:
        return
    file = repository.root / _FOLDER / target
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{repository.commit}\n")


def problem(repository: Repository, target: str) -> str:
    """Return how to let a target pass on the commit that is checked out, or nothing if it has."""
    commit = repository.text(f"{_FOLDER}/{target}").strip()
    if commit == repository.commit:
        return ""
    before = f", only on {commit[:12]}" if commit else ""
    return f"not on {repository.commit[:12]}{before}: run {TARGETS[target]} without changes in the tree"
