"""The file of known findings. A project that begins with lint writes it once, and lint then reports what is new.

It is JSON, sorted, with a line feed at its end, so that its changes are easy to review. A finding is known by its
fingerprint. The other fields are for readers.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.finding import fingerprints
from exclusive_redis_xcom.access.undecided import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exclusive_redis_xcom.access.finding import Finding

_SCHEMA = 1


def write(path: Path, findings: Sequence[Finding]) -> None:
    """Write the findings as known.

    Raises:
        UndecidedError: The file cannot be written.
    """
    entries = [
        {"code": each.code, **_where(each), "subject": each.subject, "fingerprint": fingerprint}
        for each, fingerprint in zip(findings, fingerprints(findings), strict=True)
    ]
    entries.sort(key=lambda entry: [*entry.values()])
    text = json.dumps({"schema": _SCHEMA, "findings": entries}, indent=2)
    try:
        path.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UndecidedError(f"The baseline cannot be written ({error.strerror}).\nThe file is {path}.") from None


def _where(finding: Finding) -> dict[str, str]:
    return {"dag_id": finding.dag_id} if finding.dag_id else {"file": finding.file}


def read(path: Path) -> frozenset[str]:
    """Return the fingerprints of known findings.

    Raises:
        UndecidedError: The file cannot be read, or is no baseline.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UndecidedError(
            f"The baseline cannot be read ({error.strerror}).\nThe file is {path}. Make it with --write-baseline."
        ) from None
    except UnicodeDecodeError:
        raise _no_baseline(path) from None
    try:
        found = json.loads(text)
        known = frozenset(entry["fingerprint"] for entry in found["findings"])
        if found["schema"] != _SCHEMA or not all(isinstance(each, str) for each in known):
            raise _no_baseline(path)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _no_baseline(path) from None
    return known


def _no_baseline(path: Path) -> UndecidedError:
    return UndecidedError(f"The file is no baseline of schema {_SCHEMA}.\nIt is {path}. Make it with --write-baseline.")


def without_known(findings: Sequence[Finding], known: frozenset[str]) -> tuple[list[Finding], int]:
    """Return the findings that are not known, and how many known ones no longer occur."""
    names = fingerprints(findings)
    new = [each for each, name in zip(findings, names, strict=True) if name not in known]
    return new, len(known - set(names))
