"""Tests that share one Airflow of `enforcement = worker`: it runs while they do."""
