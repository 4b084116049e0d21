"""Pages in Airflow's UI: who may read which XCom, what Redis holds, and what was refused.

Airflow shows each page in a frame (`external_views`), and the API server's plugin mounts the app that serves them
(`mounted.py`). Each page has a folder: `access` for a DAG, `xcoms` for a task instance and a run, `overview` for the
menu. A page is HTML that the server renders. Every route is authorised by Airflow's own dependencies (`user.py`).
"""
