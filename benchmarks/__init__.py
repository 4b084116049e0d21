"""Measure what pushes and pulls cost, next to Airflow's own backends: `make bench`, docs/explanation/performance.md."""
