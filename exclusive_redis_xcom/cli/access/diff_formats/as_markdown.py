"""A difference in access as Markdown for a comment on a pull request.

Names come from the pull request. So each one is a code span, in which neither HTML nor a mention means anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access import telling_changes
from exclusive_redis_xcom.access.changes import Kind

if TYPE_CHECKING:
    from exclusive_redis_xcom.access.changes import AccessDiff
    from exclusive_redis_xcom.cli.access.diff_formats.between import Between

#: GitHub takes a comment of 65,536 characters. What follows a list that is cut needs some of them.
MOST: Final = 65_536
_ROOM: Final = MOST - 2_000
#: A workflow finds its comment by this line, to write it anew.
MARKER: Final = "<!-- exclusive-xcom diff -->"
_HEADINGS: Final = {
    Kind.GAINED: "gained: may now read what they might not read before",
    Kind.MAYBE_GAINED: "maybe gained: nobody can know from these DAGs alone",
    Kind.REVOKED: "revoked: may no longer read what they might read before",
    Kind.CHANGED: "changed: other conditions than before",
}


def write(diff: AccessDiff, between: Between) -> str:
    """Write a line that says what matters, then the changes of each kind, folded."""
    if not diff.changes:
        first = "**No change in who may read which XCom.**"
    elif diff.has_gains:
        first = "**Somebody may read more XComs than before.**"
    elif diff.may_have_gains:
        first = "**Somebody may perhaps read more XComs than before.**"
    else:
        first = "**Nobody may read more XComs than before.**"
    blocks = [f"{MARKER}\n{first} {telling_changes.summary(diff)}."]
    used = _size(blocks[0])
    for kind, heading in _HEADINGS.items():
        block = _block(diff, kind, heading, _ROOM - used)
        used += _size(block)
        blocks += [block] if block else []
    blocks.append(f"{code(between.old)} was compared with {code(between.new)}.")
    return "\n\n".join(blocks) + "\n"


def code(name: str) -> str:
    """Write a text as a code span, whatever it holds."""
    shown = telling_changes.plain(name) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    room = " " if len(fence) > 1 else ""
    return f"{fence}{room}{shown}{room}{fence}"


def _block(diff: AccessDiff, kind: Kind, heading: str, room: int) -> str:
    changes = diff.of(kind)
    if not changes:
        return ""
    lines: list[str] = []
    for number, change in enumerate(changes):
        details = "".join(f"<br>{_detail(detail)}" for detail in telling_changes.details(change))
        line = f"- {telling_changes.headline(change, code)}{details}"
        room -= _size(line) + 1
        if room < 0:
            lines.append(f"- and {len(changes) - number} more, which `exclusive-xcom diff` prints in a terminal")
            break
        lines.append(line)
    return f"<details>\n<summary>{len(changes)} {heading}</summary>\n\n" + "\n".join(lines) + "\n\n</details>"


def _detail(text: str) -> str:
    """Write a clause. A rule holds names, so it is a code span."""
    what, colon, rule = text.partition("rule: ")
    return f"{what}rule: {code(rule)}" if colon else text


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
