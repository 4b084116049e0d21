"""Where the pages are: the app's prefix in the API server, and the views that Airflow shows in frames.

Airflow imports this in every process, so it imports nothing.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

#: The app is mounted here. Airflow reserves other prefixes (`airflow/api_fastapi/app.py`).
PREFIX = "/exclusive-xcom"


def external_views(base_url: str) -> list[dict[str, Any]]:
    """Return what the plugin tells Airflow of the pages.

    Args:
        base_url: `[api] base_url`. Its path stands before each `href`.
    """
    prefix = urlsplit(base_url).path.rstrip("/") + PREFIX
    of_dag = f"{prefix}/dags/{{DAG_ID}}"
    of_run = f"{of_dag}/runs/{{RUN_ID}}"
    return [
        _view("XCom access", "dag", "xcom-access", of_dag),
        _view("XComs", "dag_run", "xcoms-of-run", of_run),
        _view("XComs", "task_instance", "xcoms", f"{of_run}/tasks/{{TASK_ID}}/{{MAP_INDEX}}"),
        {**_view("XCom overview", "nav", "xcom-overview", f"{prefix}/overview"), "category": "browse"},
    ]


def _view(name: str, destination: str, route: str, href: str) -> dict[str, Any]:
    return {"name": name, "destination": destination, "url_route": route, "href": href}
