"""What pushes and pulls cost, side by side with Airflow's own backends: `make bench`, docs/performance.md."""
