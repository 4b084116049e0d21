"""`make demo`: a hostile task in a real Airflow, and what was observed of it."""
