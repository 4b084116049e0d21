"""Tests of who may read which XCom. The functions work on DAG objects or DAG files, without Redis and without pytest.

```python
from exclusive_redis_xcom.testing import assert_cannot_pull, assert_only

def test_only_load_gets_the_token():
    assert_only(dag, "extract", "token", {"load"})
```

`exclusive_redis_xcom.testing.plugin` is a pytest plugin that runs DAGs under their rules. Its fixture is an
`ExclusiveXCom`.

A task is named as in its DAG, and as `dag/task` where several DAGs are meant. A name that is wrong is an error
(`UndecidedError`), and never "may not". What cannot be known fails every assertion.
"""

from __future__ import annotations

from exclusive_redis_xcom.access.changes import AccessDiff
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.testing.access import Access, effective_access
from exclusive_redis_xcom.testing.assertions import (
    assert_can_pull,
    assert_cannot_pull,
    assert_every_key_has_a_rule,
    assert_only,
)
from exclusive_redis_xcom.testing.dag_runs.exclusive_xcom import ExclusiveXCom
from exclusive_redis_xcom.testing.dag_runs.run import Refusal, Run, TaskFailed, UnusedGrant
from exclusive_redis_xcom.testing.recorded import assert_no_new_access

__all__ = [
    "Access",
    "AccessDiff",
    "ExclusiveXCom",
    "Refusal",
    "Run",
    "TaskFailed",
    "UndecidedError",
    "UnusedGrant",
    "assert_can_pull",
    "assert_cannot_pull",
    "assert_every_key_has_a_rule",
    "assert_no_new_access",
    "assert_only",
    "effective_access",
]
