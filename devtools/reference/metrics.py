"""The table of metrics, from `METRICS`."""

from __future__ import annotations

from devtools.reference.markdown import table
from exclusive_redis_xcom.reporting.metric_names import METRICS

_COUNTER = "counter"


def table_of_metrics() -> str:
    """Return a table of all metrics. What is no counter says so: a column would take the room of the text."""
    return table(
        ("Name", "From", "What it counts", "Tags"),
        (
            (
                f"`{metric.name}`",
                metric.source,
                metric.meaning if metric.kind == _COUNTER else f"A {metric.kind}. {metric.meaning}",
                ", ".join(f"`{tag}`" for tag in metric.tags),
            )
            for metric in METRICS
        ),
    )
