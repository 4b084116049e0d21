"""How to run `airflow dags test`, `airflow tasks test` and `dag.test()` where values are sealed.

No API server answers there. And no process of an installation holds Airflow's database, both keys and a Redis login
that pushes. So the run gets a pair of keys of its own. It seals to one and opens with the other.
"""

from __future__ import annotations

import shlex

#: For a shell. `keygen` prints variables on standard output. docs/explanation/security.md shows this line, too.
_RECIPE = '(set -a; eval "$(exclusive-xcom keygen)"; airflow dags test {dag_id})'


def why(dag_id: str) -> str:
    """Say why a value stays shut in such a run, and what to do."""
    return f"No API server answers in a test run of a DAG, so nobody opened it.\n{recipe(dag_id)}"


def recipe(dag_id: str) -> str:
    """Say how to run a DAG with keys that nothing else knows."""
    return (
        f"Run it with keys of its own: {_RECIPE.format(dag_id=shlex.quote(dag_id))}\n"
        "Do so where Airflow's database and the workers' login for Redis are. To test a task with what an earlier test "
        "run pushed, keep the keys of that run: (umask 077; exclusive-xcom keygen > test.env)"
    )
