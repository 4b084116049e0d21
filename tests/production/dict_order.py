"""Portraits without the order of keys in plain dicts.

PostgreSQL keeps what the default backend stores as JSONB. JSONB has an order of its own for the keys of an object:
https://www.postgresql.org/docs/current/datatype-json.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: A quoted text, a plain dict's beginning, another bracket, or what separates two items.
_TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|(?<![\w.])dict\{|[\[({]|[\])}]|, """)
_CLOSING = ("]", ")", "}")
_DICT = "dict{"


def without_order(portrait: str) -> str:
    """Return a text that is the same for portraits that differ in the order of keys of plain dicts alone."""
    return "".join(_parts(portrait, _TOKEN.finditer(portrait), 0)[0])


def _parts(text: str, tokens: Iterator[re.Match[str]], begin: int) -> tuple[list[str], int]:
    """Return the items up to the closing bracket, each with its `, `, and where they end."""
    items: list[str] = []
    item = ""
    for token in tokens:
        item += text[begin : token.start()]
        begin = token.end()
        if token[0] in _CLOSING:
            return [*items, item], token.start()
        if token[0] == ", ":
            items.append(f"{item}, ")
            item = ""
        elif token[0] == _DICT or token[0] in "[({":
            inner, end = _parts(text, tokens, begin)
            if token[0] == _DICT:
                inner = [", ".join(sorted(each.removesuffix(", ") for each in inner))]
            item += token[0] + "".join(inner) + text[end]
            begin = end + 1
        else:
            item += token[0]
    return [*items, item + text[begin:]], len(text)
