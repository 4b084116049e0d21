"""Run a DAG in this process with this package as its XCom backend. The pytest plugin offers it as a fixture.

`process` makes this process's Airflow use the backend, `redis_in_test` is where the values are, and `airflow_home` and
`database` are what `dag.test()` needs. `one_run` runs a DAG, `run` tells what happened, and `exclusive_xcom` is what
tests see.

No module here imports pytest, and none imports Airflow when it is imported.
"""
