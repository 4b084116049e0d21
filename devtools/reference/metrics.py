"""The table of metrics, from `METRICS`."""

from __future__ import annotations

from devtools.reference.markdown import table
from exclusive_redis_xcom.reporting.metric_names import METRICS


def table_of_metrics() -> str:
    """Return a table of all metrics."""
    return table(
        ("Name", "From", "Kind", "What it counts", "Tags"),
        (
            (
                f"`{metric.name}`",
                metric.source,
                metric.kind,
                metric.meaning,
                ", ".join(f"`{tag}`" for tag in metric.tags),
            )
            for metric in METRICS
        ),
    )
