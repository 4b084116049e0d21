"""Measure how long large access lists take when a DAG file is parsed: `python -m benchmarks.rules`.

Each task process parses the file, too. The limit is 2 seconds for as many rules as a DAG may have. It is processor
time, so that other work of the machine does not count. The exit code is 1 if the limit is exceeded.
"""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

from exclusive_redis_xcom.acl.limits import MAX_RULES
from exclusive_redis_xcom.errors import InvalidAcl

LIMIT = 2.0
TASKS = 1000

#: The worst case: each pattern must be compared with each id. So many rules are refused.
ALIKE, ALIKE_ID = "patterns that are compared with all ids", "a" * 30


def shapes() -> dict[str, dict[str, Any]]:
    """Return access lists of the largest size, by what stands in them."""
    each, keys = range(TASKS), range(MAX_RULES // TASKS)
    return {
        "patterns of keys": {f"prefix_{number}_*": ["task_999"] for number in range(MAX_RULES)},
        "patterns that begin as ids do": {
            f"task_{task}*": {f"key_{key}*": [f"task_{TASKS - 1}*"] for key in keys} for task in each
        },
        "patterns with stars on both sides": {
            f"*sk_{task}*": {f"key_{key}*": [f"*_{TASKS - 1}*"] for key in keys} for task in each
        },
        "ten patterns of consumers in each": {
            f"*_{task}": {f"key_{key}": [f"*{consumer}_*" for consumer in range(10)] for key in keys} for task in each
        },
        "no patterns": {f"task_{task}": {f"key_{key}": [f"task_{TASKS - 1}"] for key in keys} for task in each[:-1]},
        ALIKE: {
            "*" + "".join("a*" if digit == "1" else "aa*" for digit in f"{number:014b}"): {"key": [f"{ALIKE_ID}999"]}
            for number in range(MAX_RULES)
        },
    }


def main() -> int:
    from airflow.sdk import DAG
    from airflow.sdk.bases.operator import BaseOperator

    from exclusive_redis_xcom.declaration.frozen import freeze

    print(f"{MAX_RULES} rules, {TASKS} tasks, Python {sys.version.split()[0]}; seconds of processor time")
    slow = False
    for name, rules in shapes().items():
        with DAG("many_rules", schedule=None) as dag:
            for task in range(TASKS):
                BaseOperator(task_id=f"{ALIKE_ID if name == ALIKE else 'task_'}{task}")
        dag.params["xcom_acl"] = rules  # Airflow copies the params that a DAG has into each new task
        outcome = ""
        started = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no task here runs after another
            try:
                freeze(dag, default_consumers="linked")
            except InvalidAcl as error:
                outcome = str(error).splitlines()[0]
        seconds = time.process_time() - started
        slow = slow or seconds > LIMIT
        print(f"{name:<42}{seconds:>8.2f}  {outcome}")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
