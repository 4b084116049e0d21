"""What the ring, the watch and the deletions ask about a request to Airflow's API server.

Each module answers one question:

- Which request is this? `routes` knows the Execution API, `rest_routes` the public REST API.
- Who asks? `caller` knows task instances, `rest_user` knows people.
- What is in the body? `rest_body` reads it.
- What do Airflow's tables hold? `xcom_table` and `task_table` look it up; `rows` knows how to ask.
- Where is Redis? `store_source` reaches it, and `threads` waits for it.
- How is an answer kept until Redis knows? `delayed_answer` holds it back.
- What may the log say of an error? `describing` tells.
"""
