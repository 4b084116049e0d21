"""The table of settings, from `OPTIONS`."""

from __future__ import annotations

import re

from devtools.reference.markdown import outside_code, table
from exclusive_redis_xcom.settings import OPTIONS, Option

#: Where more is said about an option.
_MORE = {
    "redis_url": "[redis.md](redis.md)",
    "default_consumers": "[acl.md](acl.md#policy-words)",
    "report_consumers": "[rollout.md](../how-to/rollout.md#try-a-stricter-policy)",
    "enforcement": "[security.md](../explanation/security.md)",
    "observe": "[rollout.md](../how-to/rollout.md)",
    "describe": "[security.md](../explanation/security.md#what-a-description-tells)",
    "ui_reveal": "[pages.md](pages.md#reveal)",
    "format": "[upgrading.md](../how-to/upgrading.md)",
    "compression": "[values.md](values.md#size)",
    "direct_pulls": "[direct-pulls.md](../explanation/direct-pulls.md)",
    "spill_path": "[large-values.md](large-values.md)",
}

_NAMES = "|".join(option.name for option in OPTIONS)
# A name such as `mode` is also a word of plain English.
_PLAIN_NAMES = "|".join(option.name for option in OPTIONS if "_" in option.name)
_IN_CODE = re.compile(
    rf"""
    \b(?:{_NAMES})\ =\ \w+
    | \b(?:{_PLAIN_NAMES}|xcom_acl)\b
    | \bXCom[A-Z]\w+
    | \b[a-z][a-z+]*://[^\s,;]*(?:,[^\s,;]+)*
    | \bxrx-pub-\.\.\.
    | "\*"
    """,
    re.VERBOSE,
)
# A word that is explained: `off: none.`
_EXPLAINED = re.compile(r"(?:(?<=^)|(?<=[.;] ))([a-z0-9_]+): ")


def table_of_options() -> str:
    """Return a table of all options, in the order of the code."""
    return table(("Option", "Default", "Accepted", "Meaning"), map(_row, OPTIONS))


def _row(option: Option) -> tuple[str, ...]:
    default = f"`{option.default}`" if option.default else ""
    meaning = [outside_code(option.description, _marked)]
    if option.sensitive:
        meaning.append("The option is sensitive: `_CMD` and `_SECRET` work.")
    if option.example:
        meaning.append(f"An example is `{option.example}`.")
    if option.name in _MORE:
        meaning.append(f"See {_MORE[option.name]}.")
    return f"`{option.name}`", default, outside_code(option.accepted, _marked), " ".join(meaning)


def _marked(text: str) -> str:
    return _IN_CODE.sub(lambda found: f"`{found[0]}`", _EXPLAINED.sub(r"`\1`: ", text))
