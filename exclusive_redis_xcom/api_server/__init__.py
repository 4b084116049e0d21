"""Airflow's API server, as what stands in front of it sees it: the ring (``ring``) and the watch (``watch``).

One module per question: which request is this (``routes`` of the Execution API, ``rest_routes`` of the public REST
API), who asks (``caller``, ``rest_user``), what is in its body (``rest_body``), what do Airflow's tables hold
(``rest_rows``), where is Redis (``store_source``), what may the log say of an error (``describing``).

The plugin is imported in every component of Airflow: importing this loads neither starlette nor redis nor
cryptography.
"""
