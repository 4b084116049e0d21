"""Search for a canary, whatever form it might have taken."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zstandard

from devtools.local_airflow import LocalAirflow

ZSTD, GZIP = b"\x28\xb5\x2f\xfd", b"\x1f\x8b"
LARGEST = 64 * 1024 * 1024


def needles_of(canary: str) -> list[bytes]:
    """The forms in which a canary of dags_server/server_canary.py might be found; a part of it is as good as all."""
    ascii_part, greek = canary[:24], canary[24:]
    assert len(greek) == 12
    found = {form for part in (ascii_part, greek) for form in forms(part)}
    assert len(found) > 15
    return sorted(found)


def forms(text: str) -> Iterator[bytes]:
    """UTF-8, escaped as JSON and `repr` do it, base64 at each alignment, hex, UTF-16."""
    raw = text.encode()
    yield from (raw, json.dumps(text)[1:-1].encode(), ascii(raw)[2:-1].encode(), ascii(text)[1:-1].encode())
    # Escaped twice: JSON inside JSON, as in a log line of a message.
    yield json.dumps(json.dumps(text))[3:-3].encode()
    yield from (raw.hex().encode(), raw.hex().upper().encode(), text.encode("utf-16-le"), text.encode("utf-16-be"))
    for padding in range(3):
        encoded = base64.b64encode(b"\0" * padding + raw)
        inner = encoded[4 if padding else 0 : -4]  # the ends depend on what stands beside it
        yield from (inner, inner.translate(bytes.maketrans(b"+/", b"-_")))


def holding(texts: dict[str, bytes], needles: list[bytes]) -> list[str]:
    """The names of the texts that have a needle, as they are or in something compressed inside them."""
    return [name for name, text in texts.items() if any(needle in view for view in views(text) for needle in needles)]


def views(text: bytes) -> Iterator[bytes]:
    yield text
    for match in re.finditer(re.escape(ZSTD), text):
        try:
            yield zstandard.ZstdDecompressor().decompressobj().decompress(text[match.start() :])
        except zstandard.ZstdError:
            continue
    if text[:2] == GZIP or text[:1] == b"x":
        try:
            yield zlib.decompressobj(47).decompress(text, LARGEST)
        except zlib.error:
            return


def files(*folders: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def xcom_answers(airflow: LocalAirflow, run_id: str) -> dict[str, bytes]:
    """What REST answers for every XCom of a run of DAG `server_canary`, however it is asked."""
    return {
        f"{row['task_id']}.{row['key']}[{row['map_index']}] {options}": airflow.request(
            "GET",
            f"/dags/server_canary/dagRuns/{run_id}/taskInstances/{row['task_id']}/xcomEntries/{row['key']}",
            params={"map_index": row["map_index"], **options},
        ).content
        for row in airflow.xcom_rows("server_canary", run_id)
        for options in ({}, {"deserialize": "true"}, {"stringify": "true"})
    }
