"""The safe preview of a value: what a person may see of stored bytes, without making the value.

An API server and an operator's shell must not turn XCom data into objects (Airflow's rule since CVE-2026-33858). So
nothing here calls the codec's builders. The bytes are read as a tree of neutral parts, and each part is written as
text. Anyone may have written the bytes:

- No class, module, plug or time zone that they name is imported, found or opened. Its name is shown, and cannot move a
  cursor.
- At most `MOST_BYTES` are decompressed. Text, rows, columns, items and depth have bounds, and so has the time.
- Bytes that cannot be shown give a sentence, and no exception.
"""

from __future__ import annotations

from exclusive_redis_xcom.preview.preview import preview
from exclusive_redis_xcom.preview.structure import MOST_BYTES, Column, Kind, Preview

__all__ = ["MOST_BYTES", "Column", "Kind", "Preview", "preview"]
