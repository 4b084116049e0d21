"""The ring stands in front of Airflow's API server, and decides there by the caller's verified token.

It is pure ASGI. `middleware` sorts the requests; the watch has a module of that name, too, because both are entered
there. A GET to the Execution API goes through `reads`, which takes the answer apart into `items`, and through
`releasing`, which opens the seals. `writes` decides about POSTs and DELETEs. `records` and `audit` put on record what
was decided. The modules `rest*` guard the public REST API: they refuse edits, and carry deletions on to Redis.

*Open* is said of a seal. *Release* is said of a value that leaves the ring. Its seal is open. A read-once value is
claimed. A record says all of this.

Airflow imports the plugin, and so this package, in each of its components. The import loads neither starlette nor redis
nor cryptography. The API server alone makes the middleware, and that imports what a request needs.
"""
