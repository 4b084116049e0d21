"""A whole Airflow as users run it, on this machine and from nothing: Celery, PostgreSQL, FAB, two API servers.

`make test-production` runs tests/production on it. `python -m devtools.production` starts one to look at.
"""
