"""The XComs that are recorded: one of each form in which a value lies in Redis, in a row and in object storage."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

DAG_ID = "recorded"
RUN_ID = "manual__2026-01-01T00:00:00+00:00"
PREFIX = "xcom-test"

#: Keys of these tests alone: their bytes say so. What is recorded must open for ever.
SEAL_PUBLIC_KEY = "xrx-pub-GnZk7OTNJSSyFwnEtPrN6RaXd0r5X5A0zZyTDoFM3WM"
SEAL_PRIVATE_KEY = "xrx-key-Zm9yIHRlc3RzIG9ubHk6IG5vIHNlY3JldCBhdCBhbGw"
ENCRYPTION_KEY = "xrx-enc-dGVzdHMnIGVuY3J5cHRpb24ga2V5OiBubyBzZWNyZXQ"

# The longest that a setting and a rule allow. A value of a mapped task expires by its own TTL, also in this repository.
_TEN_YEARS, _HUNDRED_YEARS = 10 * 365 * 24 * 3600, 100 * 365 * 24 * 3600
_ONCE = {"consumers": ["load", "report"], "once": True}

RULES = {
    "flat": ["load"],
    "extract": {
        "exact": ["load"],
        "this_run": {"consumers": ["load"], "same_run": True},
        "once": _ONCE,
        "claimed": _ONCE,
        "sealed_once": _ONCE,
    },
    "parts": {
        "mapped": {"consumers": ["load"], "ttl_seconds": _HUNDRED_YEARS},
        "*": {"consumers": "same_dag", "ttl_seconds": _HUNDRED_YEARS},
    },
    "outputs": {"a": ["load"], "b": ["load", "report"]},
}

#: The settings of all processes, and what each group of XComs adds.
SETTINGS = {
    "key_prefix": PREFIX,
    "ttl_seconds": str(_TEN_YEARS),
    "compression": "off",
    "enforcement": "worker",
    "encryption_keys": "",
    "seal_public_key": "",
    "spill_path": "",
    "spill_threshold_bytes": "0",
}
GROUPS: dict[str, dict[str, str]] = {
    "plain": {},
    "compressed": {"compression": "zstd"},
    "encrypted": {"encryption_keys": ENCRYPTION_KEY},
    "spilled": {"spill_path": "file://{objects}"},
    "spilled and encrypted": {"spill_path": "file://{objects}", "encryption_keys": ENCRYPTION_KEY},
    "sealed": {"enforcement": "server", "seal_public_key": SEAL_PUBLIC_KEY},
}


@dataclass(frozen=True)
class Place:
    """A value of a class that a DAG's author would write."""

    name: str
    opened: datetime


@dataclass(frozen=True)
class Case:
    """One XCom.

    `readers` may pull it, and of `load` and `report` nobody else may. `is_once`: the first of them is the only one.
    `claimed_by` pulled it before it was recorded. `is_committed`: the API server has told Redis of its row.
    `is_library_s`: other packages make the payload's bytes, and make others in other releases.
    """

    key: str
    value: Any = field(repr=False)
    group: str = "plain"
    task_id: str = "extract"
    map_index: int = -1
    readers: tuple[str, ...] = ("load", "report")
    is_once: bool = False
    claimed_by: str | None = None
    is_committed: bool = True
    is_library_s: bool = False

    @property
    def name(self) -> str:
        """Tells it from all others."""
        return f"{self.task_id}/{self.key}" if self.map_index < 0 else f"{self.task_id}/{self.key}[{self.map_index}]"

    @property
    def address(self) -> dict[str, Any]:
        """What `ExclusiveRedisXCom.serialize_value` and `get_one` take."""
        return {
            "dag_id": DAG_ID,
            "run_id": RUN_ID,
            "task_id": self.task_id,
            "key": self.key,
            "map_index": self.map_index,
        }


_MOMENT = datetime(2026, 3, 29, 1, 30, 0, 250_000, tzinfo=ZoneInfo("Europe/Paris"))
_DAYS = pd.date_range("2026-01-01", periods=3).as_unit("us")  # as pandas 3 makes them by itself
_FRAME = pd.DataFrame({"number": [1, 2, 3], "share": [0.5, None, 1.5], "since": _DAYS})

CASES = (
    Case("open", {"pair": (1, 2), "text": "grün", "none": None}),
    Case("exact", "only for load", readers=("load",)),
    Case("flat", ["only", "for", "load"], readers=("load",)),
    Case("this_run", 7, readers=("load",)),
    Case("pending", "no row was written yet", is_committed=False),
    *(Case("mapped", {"part": index}, task_id="parts", map_index=index, readers=("load",)) for index in range(3)),
    Case("once", "still free", is_once=True),
    Case("claimed", "load has it", is_once=True, claimed_by="load"),
    Case("return_value", {"a": 1, "b": 2}, task_id="outputs", readers=("load",)),
    Case("skipmixin_key", {"followed": ["load"]}),
    Case("large", bytes(1_100_000)),
    Case("nothing", None),
    Case("text: ü{x}%", "under a key that is written otherwise in Redis"),
    Case("bytes", bytes(range(256))),
    Case("scalars", [Decimal("1.50"), uuid.UUID(int=5), {1, 2}, frozenset({"x"}), 2**70, b"raw", 1.5, True]),
    Case("moments", [_MOMENT, _MOMENT.date(), _MOMENT.time(), timedelta(days=1, microseconds=1), timezone.utc]),
    Case("object", Place("Lyon", datetime(2026, 1, 2, tzinfo=timezone.utc))),
    Case("array", np.arange(24, dtype="<i4").reshape(4, 6)),
    Case("slabs", [np.zeros(10_000, dtype="<i8"), b"x" * 70_000, "end"]),
    Case("records", [{"id": index, "name": f"name {index}"} for index in range(200)]),
    Case("frame", _FRAME, is_library_s=True),
    Case("series", pd.Series([1.5, 2.5], index=[10, 20], name="share"), is_library_s=True),
    Case("table", pa.table({"a": [1, 2], "b": ["x", None]}), is_library_s=True),
    Case("polars", pl.DataFrame({"a": [1, 2], "b": ["x", None]}), is_library_s=True),
    Case("compressed", "abc" * 5_000, group="compressed", is_library_s=True),
    Case("encrypted", "a secret of workers", group="encrypted"),
    *(Case("encrypted", {"part": index}, group="encrypted", task_id="parts", map_index=index) for index in range(2)),
    Case("spilled", b"in an object" * 10, group="spilled"),
    Case("spilled_" + "long" * 50, "in an object whose name is too long to tell the key", group="spilled"),
    Case("spilled_secret", "in an object, encrypted", group="spilled and encrypted"),
    Case("sealed", {"for": "all tasks of the DAG"}, group="sealed", is_committed=False),
    Case("sealed_once", "sealed, free", group="sealed", is_once=True, is_committed=False),
    *(
        Case("mapped_sealed", index, group="sealed", task_id="parts", map_index=index, is_committed=False)
        for index in range(2)
    ),
)


def make_dag() -> Any:
    """The DAG whose tasks pushed and may pull all of this."""
    from airflow.sdk import DAG, task

    with DAG(DAG_ID, params={"xcom_acl": RULES}) as dag:

        @task
        def extract() -> None: ...

        @task
        def parts(number: int) -> None: ...

        @task(multiple_outputs=True)
        def outputs() -> dict[str, Any]:
            return {}

        @task
        def load() -> None: ...

        @task
        def report() -> None: ...

        [extract(), parts.expand(number=[1, 2, 3]), outputs()] >> load() >> report()
    return dag
