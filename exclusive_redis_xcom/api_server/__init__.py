"""What stands in front of Airflow's API server: the ring (`ring`), the watch (`watch`) and the deletions (`deletions`).

All of them ask `requests` about a request.

Airflow imports the plugin, and so this package, in each of its components. The import loads neither starlette nor redis
nor cryptography.
"""
