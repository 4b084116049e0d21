"""The page of the menu: an Airflow's DAGs and their XComs at one look, and what to do about them.

What takes long is read by threads, in bounded steps, and kept for a minute (`renewed.py`). The page shows what is known
when it is asked for. Each process of an API server reads for itself.
"""
