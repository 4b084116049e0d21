"""The settings, from `OPTIONS`: a table, and a section for each of them."""

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
    | \b[a-z][a-z0-9+]*://[^\s,;]*(?:,[^\s,;]+)*(?<!\.)
    | \bxrx-pub-\.\.\.
    | "\*"
    """,
    re.VERBOSE,
)
# A sentence that explains a word: `off: none.`
_EXPLAINED = re.compile(r"([a-z0-9_]+): (.+)")


def table_of_options() -> str:
    """Return a table of all options, in the order of the code."""
    rows = ((f"[`{one.name}`](#{one.name})", _default(one), _marked(one.accepted)) for one in OPTIONS)
    return table(("Option", "Default", "What is accepted"), rows)


def explanations() -> str:
    """Return a section for each option, in the order of the code."""
    return "\n\n".join(map(_section, OPTIONS))


def _default(option: Option) -> str:
    return f"`{option.default}`" if option.default else ""


def _section(option: Option) -> str:
    sentences = re.split(r"(?<=\.) ", option.description)
    words = [_EXPLAINED.fullmatch(sentence) for sentence in sentences]
    text = " ".join(sentence for sentence, word in zip(sentences, words, strict=True) if not word)
    facts = [f"- Default: {_default(option) or 'not set'}", f"- Accepted: {_marked(option.accepted)}"]
    facts += [f"    - `{word[1]}`: {_marked(word[2])}" for word in words if word]
    if option.sensitive:
        facts.append("- Sensitive: `_CMD` and `_SECRET` work")
    if option.example:
        facts.append(f"- Example: `{option.example}`")
    if option.name in _MORE:
        facts.append(f"- More: {_MORE[option.name]}")
    pieces = [f"### {option.name}", _marked(text), "\n".join(facts)]
    return "\n\n".join(piece for piece in pieces if piece)


def _marked(text: str) -> str:
    """Return a text of an option with names, words and URLs in code."""
    return outside_code(text, lambda part: _IN_CODE.sub(lambda found: f"`{found[0]}`", part))
