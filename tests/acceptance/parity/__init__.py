"""The same DAGs under Airflow's default backend and under ours, in worker mode and in server mode."""
