"""The watch: with `enforcement = worker` it tells Redis what became of XCom rows, so that tasks may pull directly.

Pure ASGI, in front of Airflow's API server. `middleware` decides nothing about access and alters no answer. What it
tells is in `plans`, `rows` and `results`; `telling` and `heartbeat` see to it that nobody relies on what
could not be told. `triggered` does the same for rows that the triggerer writes past the API server.

The plugin imports this package in every component of Airflow: importing it loads neither starlette nor redis. What a
request needs is imported when the middleware is made, which only the API server does.
"""
