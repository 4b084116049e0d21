"""Deletions over the public REST API are carried on to Redis, with either `enforcement`.

Rows that are deleted over REST or in the UI never reach a backend. Their values would stay in Redis until the TTL ends.
`deletions` lets Airflow delete, and then removes the values. `removal` works out which ones. The ring calls it with
`enforcement = server`, and keeps records. `middleware` calls it with `enforcement = worker`.
"""
