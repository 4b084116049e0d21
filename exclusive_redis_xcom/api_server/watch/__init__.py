"""The watch tells Redis what became of XCom rows, so that tasks may pull directly (with `enforcement = worker`).

It is pure ASGI, and stands in front of Airflow's API server. `middleware` is entered first, as in the ring; it decides
nothing about access and alters no answer. `plans`, `touched` and `results` work out what Redis is told. `telling`,
`heartbeat` and `misses` make sure that no task relies on what could not be told. `triggered` watches the rows that the
triggerer writes past the API server.

Airflow imports the plugin, and so this package, in each of its components. The import loads neither starlette nor
redis. The API server alone makes the middleware, and that imports what a request needs.
"""
