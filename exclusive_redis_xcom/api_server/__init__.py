"""In front of Airflow's API server: the ring (`ring`), the watch (`watch`), and what both ask about a request.

The plugin is imported in every component of Airflow: importing this loads neither starlette nor redis nor
cryptography.
"""
