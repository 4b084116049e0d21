"""The text that says where a rule was written. `Rule.source` has it, Redis keeps it, and people read it.

It has up to three parts, as in "xcom_acl['extract']['token'] (linked) at etl.py:12":

- the entry: `exclusive()`, `xcom_acl[...]` or `default_consumers`
- the policy word that stands in the entry, if one does
- the place: a file below the DAG's bundle, and the line where that is known
"""

from __future__ import annotations

import re
from typing import NamedTuple

from exclusive_redis_xcom.acl.limits import MAX_SOURCE_LENGTH
from exclusive_redis_xcom.acl.rule import POLICY_WORDS

#: The entry of a rule that `exclusive` declared.
BY_EXCLUSIVE = "exclusive()"
#: The entry of the setting, for XComs without a rule.
BY_SETTING = "default_consumers"
#: How the source of a rule begins that was combined from several.
COMBINED = "multiple_outputs, intersection of "

#: Only refusals need it, so it is compiled at the first use.
_SOURCE = (
    rf"(?P<entry>exclusive\(\)|{BY_SETTING}|xcom_acl\[.*\])"
    rf"(?: \((?P<word>{'|'.join(POLICY_WORDS)})\))?(?: at (?P<place>.+))?"
)


class Source(NamedTuple):
    """The parts of such a text. `word` and `place` are None where there is none."""

    entry: str
    word: str | None = None
    place: str | None = None

    def __str__(self) -> str:
        word = "" if self.word is None else f" ({self.word})"
        return f"{self.entry}{word}{'' if self.place is None else f' at {self.place}'}"


def read(text: str) -> Source | None:
    """Take a text apart; return None for the text of a combined rule, and for anything else."""
    found = re.fullmatch(_SOURCE, text)
    return None if found is None else Source(found["entry"], found["word"], found["place"])


def placed(text: str, place: str) -> str:
    """Add a place to a text. A place that has no room there, or could not be shown, is left out."""
    longer = f"{text} at {place}"
    # A combined rule names up to five sources.
    return longer if place.isprintable() and len(longer) < MAX_SOURCE_LENGTH // 6 else text
