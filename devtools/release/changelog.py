"""CHANGELOG.md: which versions it has, and when they were released."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

#: The word in place of the date, until `make release-date`.
UNRELEASED = "unreleased"
_HEADING = re.compile(r"^## \[([^\]]+)\](?: - (\S+))?$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """One version of the changelog: its name, what stands for its date, and its text."""

    version: str
    date: str
    text: str


def sections(changelog: str) -> list[Section]:
    """Return the versions of a changelog, the newest first."""
    found = list(_HEADING.finditer(changelog))
    ends = [*(heading.start() for heading in found[1:]), len(changelog)]
    return [
        Section(heading[1], heading[2] or "", changelog[heading.end() : end].strip())
        for heading, end in zip(found, ends, strict=True)
    ]


def problem(changelog: str, version: str, today: date) -> str:
    """Return what is wrong with the changelog of a version that is about to be released, or nothing."""
    found = sections(changelog)
    names = [section.version for section in found]
    if names[:1] != ["Unreleased"]:
        return "CHANGELOG.md does not begin with a section Unreleased: add an empty one"
    if found[0].text:
        return f"the section Unreleased of CHANGELOG.md is not empty: move its lines into {version}"
    if names[1:2] != [version]:
        where = "is not the newest one: raise __version__" if version in names else "is missing: write it"
        return f"CHANGELOG.md: the section {version} {where}"
    if not found[1].text:
        return f"CHANGELOG.md: the section {version} is empty"
    return _problem_of_date(found[1], today)


def with_date(changelog: str, version: str, today: date) -> str:
    """Return the changelog with a date for the version.

    Raises:
        ValueError: That version does not stand there as unreleased.
    """
    before = f"## [{version}] - {UNRELEASED}"
    if changelog.count(f"{before}\n") != 1:
        raise ValueError(f"CHANGELOG.md has no heading {before!r}")
    return changelog.replace(before, f"## [{version}] - {today.isoformat()}")


def _problem_of_date(section: Section, today: date) -> str:
    try:
        released = date.fromisoformat(section.date)
    except ValueError:
        return f"CHANGELOG.md: {section.version} has no date but {section.date!r}: run make release-date, and commit"
    return f"CHANGELOG.md: {section.date} is in the future" if released > today else ""
