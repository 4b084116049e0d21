"""Cold starts under Celery: real workers of `airflow celery worker`, by broker and backend."""
