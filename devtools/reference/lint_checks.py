"""What `exclusive-xcom lint` checks, from `CHECKS`."""

from __future__ import annotations

import re

from devtools.reference.markdown import outside_code, table
from exclusive_redis_xcom.access.lint import CHECKS

# Texts of the checks are made for terminals. These pieces of them are code.
_IN_CODE = re.compile(
    r"""
    \{'.+?\]\}\}                            # {'task': {'*': ['consumer']}}
    | \['[^\]]*'\]                          # ['load']
    | (?<!\w)'[^'\n]+'(?!\w)                # 'group.task'
    | \b[a-z_]+(?:\.[a-z_]+)*\((?:\.\.\.)?\)   # ti.xcom_pull(...)
    | \b[a-z]+\ >>\ [a-z]+                  # extract >> load
    | \bxcom_acl\b | \bxcom_pull\b | \bXCom[A-Z]\w+ | \.airflowignore\b
    """,
    re.VERBOSE,
)


def table_of_checks() -> str:
    """Return a table of all checks."""
    return table(
        ("Code", "Name", "Level", "What it finds", "What to do"),
        (
            (f"[{check.code}](#{check.code.lower()})", check.name, check.level, _marked(check.what), _marked(check.fix))
            for check in CHECKS.values()
        ),
    )


def explanations() -> str:
    """Return a section for each check: why it matters, what to do, and an example."""
    sections = []
    for check in CHECKS.values():
        lines = [f"### {check.code}", "", f"{_marked(check.what)} {_marked(check.why)}", "", _marked(check.fix)]
        if check.example:
            lines += ["", "```python", check.example, "```"]
        sections.append("\n".join(lines))
    return "\n\n".join(sections)


def _marked(text: str) -> str:
    return outside_code(text, lambda part: _IN_CODE.sub(lambda found: f"`{found[0]}`", part))
