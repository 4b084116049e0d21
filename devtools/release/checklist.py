"""`make release-check`: everything that a release has to fulfil. It changes nothing and publishes nothing."""

from __future__ import annotations

import functools
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from devtools.installed import AIRFLOWS, PYTHONS
from devtools.release import changelog, dist, passed, supported
from devtools.release.steps import FailedError, Step, run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devtools.release.repository import Repository

BRANCH = "main"
LOCKS = ("uv", "dev", "airflow-3.2.2", "airflow-3.1.8", "production", "release")
#: Where this text stands, the release still lacks an address to which people report.
MARKER = "CONTACT-BEFORE-RELEASE"


@dataclass(frozen=True)
class Check:
    """One line of the checklist: its name, and what finds the problem, if there is one."""

    name: str
    problem: Callable[[Repository], str]

    def step(self, repository: Repository) -> Step:
        """Look, and return what was found. A command that fails is a problem."""
        try:
            return Step(self.name, problem=self.problem(repository))
        except FailedError as error:
            return Step(self.name, problem=str(error))


def steps(repository: Repository) -> Iterator[Step]:
    """Go through the whole list. What takes longest comes last."""
    for check in CHECKS:
        yield check.step(repository)
    yield from dist.steps(repository)


def to_publish(version: str) -> str:
    """Return what a person types to publish, once all is ok."""
    return f"""\
Nothing has been published. To publish {version}, type:
  git tag --sign v{version} --message "exclusive-redis-xcom {version}"
  git push origin v{version}
  .venv-release/bin/twine upload dist/exclusive_redis_xcom-{version}.tar.gz dist/exclusive_redis_xcom-{version}-*.whl
Attach dist/exclusive_redis_xcom-{version}.cdx.json and dist/SHA256SUMS to the release of the tag."""


def tree(repository: Repository) -> str:
    """Find changes that are not committed."""
    return f"not committed: {', '.join(repository.changes[:5])}" if repository.changes else ""


def branch(repository: Repository) -> str:
    """Find out whether another branch than main is checked out."""
    found = repository.git("rev-parse", "--abbrev-ref", "HEAD")
    return "" if found == BRANCH else f"{found} is checked out: git switch {BRANCH}"


def tag(repository: Repository) -> str:
    """Find the tag of this version."""
    name = f"v{repository.version}"
    return f"{name} exists already: raise __version__" if repository.git("tag", "--list", name) else ""


def changes(repository: Repository) -> str:
    """Find what is wrong with the changelog."""
    today = datetime.now(timezone.utc).date()
    return changelog.problem(repository.text("CHANGELOG.md"), repository.version, today)


def links(repository: Repository) -> str:
    """Find links that a release must have."""
    return supported.problem_of_links(_project(repository))


def versions(repository: Repository) -> str:
    """Find supported versions that pyproject.toml does not tell, or refuses."""
    return supported.problem_of_versions(_project(repository), PYTHONS, AIRFLOWS)


def contact(repository: Repository) -> str:
    """Find out whether SECURITY.md says where to report."""
    text = repository.text("SECURITY.md")
    if not text:
        return "there is no SECURITY.md: write how to report a vulnerability"
    return f"SECURITY.md still has {MARKER}: put an address in its place" if MARKER in text else ""


def lock(name: str, repository: Repository) -> str:
    """Find out whether a lock still fits pyproject.toml."""
    try:
        run(["devtools/lock.sh", "--check", name], repository.root)
    except FailedError as error:
        return f"run make lock, and commit; {error}"
    return ""


def make(target: str, repository: Repository) -> str:
    """Run a target of make. Its failure is the problem."""
    run(["make", target], repository.root)
    return ""


def _passed(target: str, repository: Repository) -> str:
    return passed.problem(repository, target)


def _project(repository: Repository) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(repository.text("pyproject.toml"))["project"]
    return project


CHECKS = (
    Check("everything is committed", tree),
    Check("branch main", branch),
    Check("no tag yet", tag),
    Check("changelog", changes),
    Check("links of the project", links),
    Check("contact", contact),
    Check("supported versions", versions),
    *(Check(f"{command} has passed", functools.partial(_passed, name)) for name, command in passed.TARGETS.items()),
    *(Check(f"requirements/{name}.txt is fresh", functools.partial(lock, name)) for name in LOCKS),
    Check("make lint", functools.partial(make, "lint")),
    Check("make docs", functools.partial(make, "docs")),
)
