"""The one table of metrics: names and what they count. docs/reference/metrics.md is made of it."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Kind = Literal["counter", "timer in milliseconds"]
Source = Literal["tasks", "API server"]


class Metric(NamedTuple):
    """A metric.

    Attributes:
        name: The whole name.
        source: The process that sends it.
        kind: What a backend of metrics makes of it.
        meaning: What it counts, in a sentence.
        tags: The names of its tags. A tag that is not known is left out.
    """

    name: str
    source: Source
    kind: Kind
    meaning: str
    tags: tuple[str, ...]


_PRODUCER: Final = ("dag_id", "task_id")

PUSH: Final = "exclusive_redis_xcom.push"
PUSH_FAILED: Final = "exclusive_redis_xcom.push_failed"
BYTES_PUSHED: Final = "exclusive_redis_xcom.bytes_pushed"
REDIS_TIME_PUSH: Final = "exclusive_redis_xcom.redis_time.push"
PULL_GRANTED: Final = "exclusive_redis_xcom.pull_granted"
PULL_DIRECT: Final = "exclusive_redis_xcom.pull_direct"
PULL_REFUSED: Final = "exclusive_redis_xcom.pull_refused"
PULL_WOULD_BE_REFUSED: Final = "exclusive_redis_xcom.pull_would_be_refused"
PULL_FAILED: Final = "exclusive_redis_xcom.pull_failed"
BYTES_PULLED: Final = "exclusive_redis_xcom.bytes_pulled"
REDIS_TIME_PULL: Final = "exclusive_redis_xcom.redis_time.pull"
WRITE_REFUSED: Final = "exclusive_redis_xcom.write_refused"
RING_RELEASED: Final = "exclusive_redis_xcom.ring.released"
RING_REFUSED: Final = "exclusive_redis_xcom.ring.refused"
RING_WOULD_BE_REFUSED: Final = "exclusive_redis_xcom.ring.would_be_refused"
RING_WRITE_REFUSED: Final = "exclusive_redis_xcom.ring.write_refused"
RING_EDIT_REFUSED: Final = "exclusive_redis_xcom.ring.edit_refused"
RING_FAILED: Final = "exclusive_redis_xcom.ring.failed"


def _counter(name: str, meaning: str, tags: tuple[str, ...] = _PRODUCER) -> Metric:
    return Metric(name, "API server" if ".ring." in name else "tasks", "counter", meaning, tags)


def _timer(name: str, meaning: str) -> Metric:
    return Metric(name, "tasks", "timer in milliseconds", meaning, _PRODUCER)


METRICS: Final = (
    _counter(PUSH, "Values that were pushed."),
    _counter(PUSH_FAILED, "Pushes that ended with an error. Refusals do not count here.", (*_PRODUCER, "error")),
    _counter(BYTES_PUSHED, "Bytes that were pushed, as Redis holds them: after compression and encryption."),
    _timer(REDIS_TIME_PUSH, "From the first command of a push to the last reply. Retries and pauses count."),
    _counter(PULL_GRANTED, "Values that were pulled."),
    _counter(PULL_DIRECT, "Those of the pulled values that Redis alone answered."),
    _counter(PULL_REFUSED, "Pulls that an access list refused."),
    _counter(PULL_WOULD_BE_REFUSED, "Pulls that `mode = report` or `report_consumers` let pass."),
    _counter(PULL_FAILED, "Pulls that ended with an error. Refusals do not count here.", (*_PRODUCER, "error")),
    _counter(BYTES_PULLED, "Bytes that were pulled, as Redis holds them."),
    _timer(REDIS_TIME_PULL, "From the first command of a pull to the last reply. It bears the first producer's tags."),
    _counter(WRITE_REFUSED, "Pushes and removals under another task's coordinate. They were refused."),
    _counter(RING_RELEASED, "Sealed values that the ring opened for a task."),
    _counter(RING_REFUSED, "Sealed values that the ring did not open."),
    _counter(RING_WOULD_BE_REFUSED, "Sealed values that the ring opened only because of `mode = report`."),
    _counter(
        RING_WRITE_REFUSED, "Writes of tasks that the ring refused. Its tags are not trusted, so it has none.", ()
    ),
    _counter(RING_EDIT_REFUSED, "Edits over the public REST API that the ring refused.", ()),
    _counter(
        RING_FAILED, "Requests that the ring could not decide. Airflow's client repeats each up to 5 times.", ("error",)
    ),
)
