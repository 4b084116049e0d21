"""What lint reads: DAG files below several paths, their texts, and where they lie below the current folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.lint import Linted, ordered
from exclusive_redis_xcom.access.loading import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.access.finding import Finding
    from exclusive_redis_xcom.access.loading import Loaded, Refused

#: A longer file is not searched for comments and repeated entries.
_MOST_BYTES = 1_000_000
_REFUSED = "InvalidAcl: "


@dataclass(frozen=True)
class LintInput:
    """DAG files to check.

    Attributes:
        linted: What the files say.
        roots: The folder that a DAG's files are named below, by the DAG.
        paths: The DAG file of each DAG.
    """

    linted: Linted
    roots: Mapping[str, Path]
    paths: Mapping[str, str]

    def with_places(self, findings: Iterable[Finding]) -> list[Finding]:
        """Name the files of findings as they lie below the current folder. CI systems take it for the repository."""
        return ordered(self._placed(finding) for finding in findings)

    def _placed(self, finding: Finding) -> Finding:
        file = finding.file
        if not os.path.isabs(file) and finding.dag_id in self.roots:
            whole = self.roots[finding.dag_id] / file
            if not whole.is_file():  # the call stands in a module outside the DAG folder
                return replace(finding, file=_below_here(self.paths[finding.dag_id]), line=None)
            file = str(whole)
        return replace(finding, file=_below_here(file))


def read(paths: Sequence[Path], *, default_consumers: str, timeout: float) -> LintInput:
    """Parse DAG files.

    Args:
        paths: Files and folders. A file that is named twice, or lies below a named folder, counts once.
        default_consumers: The policy word for XComs without a rule.
        timeout: Seconds that each path may take.

    Raises:
        UndecidedError: A path does not exist, has no DAG, or takes too long.
    """
    dags: dict[tuple[str, str | None], DagFacts] = {}
    refused: dict[tuple[str, str], Refused] = {}
    errors: dict[str, str] = {}
    roots: dict[str, Path] = {}
    for path in {each.resolve(): each for each in paths}.values():
        loaded = load(path, default_consumers=default_consumers, timeout=timeout)
        root = path.resolve() if path.is_dir() else path.resolve().parent
        dags |= {(each.dag_id, each.path): each for each in loaded.dags}
        refused |= {(each.dag_id, each.path): each for each in loaded.refused}
        errors |= _further_errors(loaded, root)
        roots |= dict.fromkeys((each.dag_id for each in loaded.dags), root)
        roots |= dict.fromkeys((each.dag_id for each in loaded.refused), root)
    files = {each.dag_id: each.path or "" for each in dags.values()}
    files |= {each.dag_id: each.path for each in refused.values()}
    texts = {file: text_of(file) for file in sorted({*files.values()})}
    whole = all(path.is_dir() for path in paths)
    linted = Linted(tuple(dags.values()), tuple(refused.values()), errors, texts, whole)
    return LintInput(linted, roots, files)


def _further_errors(loaded: Loaded, root: Path) -> dict[str, str]:
    """Return the import errors that are no refusals of DAGs, by the file's path on this machine."""
    refused = {each.path for each in loaded.refused}
    whole = {str(root / file): text for file, text in loaded.errors.items()}  # an absolute name stays as it is
    return {file: text for file, text in whole.items() if file not in refused or not text.startswith(_REFUSED)}


def text_of(file: str) -> str:
    """Return the text of a file; "" for one that is too long, or cannot be read."""
    try:
        with open(file, encoding="utf-8", errors="replace") as stream:
            text = stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError):
        return ""
    return text if len(text) <= _MOST_BYTES else ""


def _below_here(file: str) -> str:
    here = os.getcwd().rstrip(os.sep) + os.sep
    return file.removeprefix(here)
