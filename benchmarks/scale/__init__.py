"""Scale: 100,000 XComs of one DAG, 10,000 results of a task, and sixteen processes on one Redis and two API servers.

Each figure comes from a program of its own, which has an AIRFLOW_HOME of its own and prints JSON:
`python -m benchmarks.scale.xcoms [--quick]` and so on. `make bench-growth` runs them one after the other.
"""
