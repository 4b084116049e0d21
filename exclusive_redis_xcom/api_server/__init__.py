"""What stands in front of Airflow's API server: the ring (`ring`) and the watch (`watch`).

Both ask `requests` about a request.

Airflow imports the plugin, and so this package, in each of its components. The import loads neither starlette nor redis
nor cryptography.
"""
