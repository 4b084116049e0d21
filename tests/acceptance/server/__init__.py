"""Tests that share one Airflow of `enforcement = server`: it runs while they do."""
