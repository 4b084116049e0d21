"""A request to Airflow's API server, as the ring and the watch see it.

One module per question: which request is this (`routes` of the Execution API, `rest_routes` of the public REST
API), who asks (`caller`, `rest_user`), what is in its body (`rest_body`), what do Airflow's tables hold
(`xcom_table`), where is Redis (`store_source`), what may the log say of an error (`describing`).
"""
