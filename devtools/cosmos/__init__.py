"""The watcher mode of astronomer-cosmos with our backend, in a real Airflow: `make test-cosmos`."""
