#!/bin/sh
# opentelemetry-sdk 1.45.2 keeps 2,000 sets of attributes of a metric in each process. Every further set counts as `otel.metric.overflow`, without its own
# attributes, as long as the process lives. Nothing is logged. So of a counter with a tag for each task, later tasks have no series of their own.
# The SDK also exports the names of metrics in lower case: `Jobs_Done` and `jobs_done` are two metrics of the same name.
set -eu

. "$(dirname "$0")/environment.sh"
install venv opentelemetry-sdk==1.45.2
"$dir/venv/bin/python" - <<'PY'
import logging
import sys
from importlib.metadata import version

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

logged = []
handler = logging.Handler()
handler.emit = logged.append
logging.getLogger().addHandler(handler)

reader = InMemoryMetricReader()
meter = MeterProvider(metric_readers=[reader]).get_meter("example")
counter = meter.create_counter("Jobs_Done")
for number in range(2500):
    counter.add(1, {"task": f"task_{number}"})
meter.create_counter("other").add(1)


def exported():
    scopes = reader.get_metrics_data().resource_metrics[0].scope_metrics
    return {metric.name: [(dict(point.attributes), point.value) for point in metric.data.data_points] for metric in scopes[0].metrics}


first = exported()
counter.add(1, {"task": "task_2499"})
points = exported()["jobs_done"]
overflow = [value for attributes, value in points if attributes == {"otel.metric.overflow": True}]
own = [attributes for attributes, _ in points if attributes == {"task": "task_2499"}]
print(f"opentelemetry-sdk {version('opentelemetry-sdk')}: the counter Jobs_Done is exported as {sorted(first)[0]}")
print(f"  of 2500 tasks, {len(points) - len(overflow)} have a series; the others share one of {overflow[0]}; records logged: {len(logged)}")
print(f"  after a further export, task_2499 has {len(own)} series of its own")
sys.exit(0 if len(points) == 2001 and sum(value for _, value in points) == 2501 and len(overflow) == 1 and not own and not logged else 1)
PY
