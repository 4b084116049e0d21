"""The ring: what stands in front of Airflow's API server and decides there, from the caller's verified token.

Pure ASGI. ``middleware`` sorts requests. For the Execution API, one module per question: which request is this
(``routes``), who asks (``caller``), what may the answer hold (``reads``, ``releasing``), may this be written
(``writes``), what goes on record (``audit``). ``rest*`` is the same for the public REST API: edits are refused,
deletions reach Redis.

With ``enforcement = worker`` another middleware stands there: ``watch``, which decides nothing and tells Redis what
became of XCom rows, so that tasks may pull directly. What it tells is in ``watch_plans`` and ``watch_rows``;
``telling`` and ``heartbeat`` see to it that nobody relies on what could not be told.

The plugin imports this package in every component of Airflow: importing it loads neither starlette nor redis nor
cryptography. What a request needs is imported when the middlewares are made, which only the API server does.
"""
