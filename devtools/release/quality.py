"""What well-known tools say of sdist and wheel."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from devtools.release.steps import FailedError, run

if TYPE_CHECKING:
    from devtools.release.building import Built

#: pyroma's lowest rating that is accepted. Ten is the best.
LOWEST_RATING = 8
_RATING = re.compile(r"^Final rating: (\d+)/10$", re.MULTILINE)


def twine(built: Built) -> str:
    """Check metadata and description of both files, as the index will; a warning is a failure."""
    run([_program("twine"), "check", "--strict", str(built.sdist), str(built.wheel)], built.wheel.parent)
    return "strict"


def wheel_contents(built: Built) -> str:
    """Check the files of the wheel against its record, and for what does not belong there."""
    run([_program("check-wheel-contents"), str(built.wheel)], built.wheel.parent)
    return ""


def pyroma(built: Built) -> str:
    """Let pyroma rate the sdist; return the rating, and what keeps it from being higher.

    Raises:
        FailedError: The rating is lower than `LOWEST_RATING`.
    """
    command = [_program("pyroma"), "--min", str(LOWEST_RATING), "--file", str(built.sdist)]
    return rating(run(command, built.wheel.parent))


def rating(printed: str) -> str:
    """Return the rating that pyroma printed, and its complaints.

    Raises:
        FailedError: There is no rating in it.
    """
    found = _RATING.search(printed)
    if not found:
        raise FailedError(f"pyroma printed no rating:\n{printed}")
    parts = [part.strip() for part in re.split(r"^-+$", printed, flags=re.MULTILINE)]
    complaints = [] if found[1] == "10" else parts[-3].splitlines()
    return " ".join([f"{found[1]}/10.", *complaints])


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)
