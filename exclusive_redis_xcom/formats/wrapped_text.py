r"""A reference with a wrapped key, as one text: what the ring makes of a push, and the database then holds.

```json
{"exclusive_redis_xcom": "str, 13 bytes, for load until 6 Dec 11:57 UTC; the value is in Redis, not here
sales/today/extract/token QiDwPFLOGHIxIShtTEJmAQ 1764485412345 604800000 13 str 5af6a838a6d114c4 127RJ12WPZQuKFc4...
{\"consumers\\":[\\"load\\"],\\"source\\":\\"xcom_acl\\"}"}
```

The first line is the sentence for people. Then come the text of format 3 (`reference_v3.py`), the id of the key pair,
and the wrapped key. The last line is the rule, as `short_rule.py` writes it. An id may hold a line break, the other
parts may not.

Airflow's API server reads, checks and writes each object, list and text of a row. One text costs it less than half of
what the object of format 3 costs. Only API servers read this form, and only they write it.
"""

from __future__ import annotations

import functools
import json
import re
from binascii import a2b_base64
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.formats import reference_fields as fields
from exclusive_redis_xcom.formats import reference_v3, short_rule
from exclusive_redis_xcom.formats.reference_v2 import MAX_ABOUT, MAX_DOTS, shown
from exclusive_redis_xcom.formats.seal import FROM_URL, MAX_ACL_CHARACTERS, WRAPPED_KEY_BYTES, Seal, encode_key
from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from exclusive_redis_xcom.formats.reference_facts import ReferenceFacts

_CHARACTERS = WRAPPED_KEY_BYTES // 3 * 4
#: The id of the key pair, and the wrapped key.
KEY = f"([0-9a-f]{{16}}) ([A-Za-z0-9_-]{{{_CHARACTERS}}})"
#: The sentence, the text of format 3, the key, and the rule.
_TEXT = re.compile(f"([^\n]*)\n{reference_v3.PATTERN} {KEY}\n([^\n]*)")
#: All but the rule has fewer, also where every character of each id is escaped.
_MOST_CHARACTERS = reference_v3.MOST_CHARACTERS + 2 * MAX_ABOUT
#: Longer rules are read each time, so that little memory is needed.
_REMEMBERED = 8 * 1024


def dump(reference: ReferenceFacts) -> str:
    """Return the text of a reference with a wrapped key."""
    seal = reference.seal
    if seal is None or seal.wrapped_key is None:
        msg = "the reference has no wrapped key"
        raise ValueError(msg)
    rule = short_rule.shorten(seal.acl, reference.coordinate, reference_v3.ttl_ms(reference))
    machine = f"{reference_v3.text(reference)} {seal.key_id} {encode_key(seal.wrapped_key)}"
    return f"{shown(reference.about, MAX_ABOUT)}\n{machine}\n{_json(rule)}"


def is_one(text: str) -> bool:
    """Tell such a text from an opened reference, which has two lines (`opened_text.py`)."""
    return text.count("\n") > 1


def load(text: str) -> dict[str, Any]:
    """Read such a text, and return the fields of `ReferenceFacts`.

    Raises:
        InvalidReference: The text is not exactly what `dump` returns.
    """
    matched = _TEXT.fullmatch(text)
    if matched is None:
        raise fields.malformed("reference")
    about, *parts, key_id, wrapped, rule = matched.groups()
    if len(text) - len(rule) > _MOST_CHARACTERS:
        raise fields.malformed("reference")
    found, ttl_ms = reference_v3.facts(parts)
    found["about"] = fields.printable(about, "about", MAX_ABOUT + MAX_DOTS)
    read = _rule if len(rule) <= _REMEMBERED else _rule.__wrapped__
    at: Coordinate = found["coordinate"]
    acl, found["consumers"], found["rule"] = read(rule, at.dag_id, at.task_id, at.key, ttl_ms)
    # So many characters of base64 have no bits to spare: each key has one text.
    found["seal"] = Seal(key_id, acl, wrapped_key=a2b_base64(wrapped.encode("ascii").translate(FROM_URL)))
    return found


def map_index_of(text: str) -> int | None:
    """Return the map_index that such a text names; None if it names none. Nothing else of it is read."""
    return reference_v3.map_index_of(text.partition("\n")[2].partition(" ")[0])


@functools.lru_cache(maxsize=64)
def _rule(text: str, dag_id: str, task_id: str, key: str, ttl_ms: int) -> tuple[bytes, tuple[str, ...], str]:
    """Return the rule whose short form a text is. Its consumers and its source follow, for people."""
    at = Coordinate(dag_id, "", task_id, key)
    try:
        acl, consumers, source = short_rule.expand(json.loads(text), at, ttl_ms)
        rule = acl.encode("ascii")
    except (ValueError, RecursionError):
        raise fields.malformed("seal") from None
    # There is one way to write each.
    if len(rule) > MAX_ACL_CHARACTERS or _json(short_rule.shorten(rule, at, ttl_ms)) != text:
        raise fields.malformed("seal")
    return rule, consumers, source


def _json(rule: object) -> str:
    return json.dumps(rule, separators=(",", ":"))
