"""What a check of DAG files found, and what the check is. Every output format is made from these forms."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Level = Literal["error", "warning", "note"]

#: All levels, the gravest first.
LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        code: Its stable code, such as `EX101`.
        level: How grave it is.
        message: What was found, in one sentence.
        remedy: What to do, in one sentence.
        dag_id: The DAG that it is about; "" if it is about a file.
        subject: What it is about within the DAG: a task, an XCom or a rule. It is stable when lines move.
        file: The DAG's file, below the DAG folder.
        line: The line; None if it is not known.
    """

    code: str
    level: Level
    message: str
    remedy: str
    dag_id: str
    subject: str
    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What findings of one code have in common.

    Attributes:
        code: The stable code, such as `EX101`.
        name: A short name in lower case, with hyphens.
        level: How grave a finding is, unless the finding says otherwise.
        what: What is found, in one sentence.
        why: Why it matters, in full sentences.
        fix: What to do, in full sentences.
        example: DAG code that leads to such a finding; "" if none is needed.
    """

    code: str
    name: str
    level: Level
    what: str
    why: str
    fix: str
    example: str = ""


def fingerprints(findings: Iterable[Finding]) -> list[str]:
    """Return a text for each finding that names it in later runs, too: 32 hexadecimal digits.

    It depends on the code, the DAG and the subject. The file counts only where there is no DAG. Lines, levels and words
    do not count. Findings that have all of this in common are numbered in their order.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    made = []
    for finding in findings:
        parts = (finding.code, finding.dag_id, finding.subject, "" if finding.dag_id else finding.file)
        text = "\0".join((*parts, str(seen[parts])))
        seen[parts] += 1
        made.append(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32])
    return made
