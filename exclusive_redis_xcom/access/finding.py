"""What a check of DAG files found. Every output format is made from this one form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        code: Its stable code, such as `EX101`.
        level: How grave it is.
        message: What was found, in one sentence.
        remedy: What to do, in one sentence.
        dag_id: The DAG that it is about.
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
