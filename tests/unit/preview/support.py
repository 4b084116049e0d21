"""What the tests of previews share."""

from __future__ import annotations

from typing import Any

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.preview import Preview, preview

#: The largest previews: 50 rows and a header of 51 columns, a text, and names. An item of a list may end a text.
MOST_CHARACTERS = 51 * 52 * 200 + 20_000 + 1000


def previewed(value: Any, compression: str = "auto") -> Preview:
    """Return the preview of a value that is pushed."""
    encoded = encode(value, compression=compression, max_bytes=64 * 1024 * 1024)
    return preview(encoded.codec, encoded.compression, encoded.decoded_size, joined(encoded.payload))


def raw(payload: bytes, codec: str = "msgpack", size: int | None = None, compression: str = "off") -> Preview:
    """Return the preview of bytes."""
    return preview(codec, compression, len(payload) if size is None else size, payload)


def texts_of(shown: Preview) -> list[str]:
    """Return all texts of a preview."""
    cells = [cell for row in shown.rows for cell in row]
    columns = [text for column in shown.columns for text in (column.name, column.dtype)]
    return [shown.type_name, shown.summary, shown.text, shown.reason or "", *columns, *cells]


def require_bounded(shown: Preview) -> None:
    """Everything prints, and there is not too much of it."""
    texts = texts_of(shown)
    assert all(line.isprintable() for line in shown.text.split("\n"))
    assert all(text.isprintable() for text in texts if text is not shown.text)
    assert sum(map(len, texts)) <= MOST_CHARACTERS
    assert len(shown.rows) <= 50
    assert len(shown.columns) <= 100
    assert (shown.kind == "hidden") <= (shown.reason is not None)
