"""The page that compares backends takes its times from the page that measures them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs" / "explanation"


def test_every_time_stands_in_the_measured_table() -> None:
    table = (
        (DOCS / "performance.md").read_text().partition("<!-- bench:side-by-side -->")[2].partition("<!-- end -->")[0]
    )
    measured = {cell.strip() for line in table.splitlines() for cell in line.split("|")}

    told = re.findall(r"(?:([\d.]+) to )?([\d.]+) ms", (DOCS / "why-and-when-not.md").read_text())
    times = [time for pair in told for time in pair if time]

    assert times
    assert [time for time in times if time not in measured] == []
