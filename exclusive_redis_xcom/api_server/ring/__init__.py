"""The ring: what stands in front of Airflow's API server and decides there, from the caller's verified token.

Pure ASGI. `middleware` sorts requests, which `api_server.requests` tells apart. For the Execution API,
one module per question: what may the answer hold (`reads`, `releasing`), may this be written (`writes`),
what goes on record (`audit`). `rest*` is the same for the public REST API: edits are refused, deletions reach
Redis.

The plugin imports this package in every component of Airflow: importing it loads neither starlette nor redis nor
cryptography. What a request needs is imported when the middleware is made, which only the API server does.
"""
