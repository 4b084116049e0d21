"""Read an XCom of an earlier run, whichever backend wrote it.

A run with the conf `{"earlier_run": "RUN_ID"}` pulls the value of that run. Without it, the run pulls its own value.
"""

from types import SimpleNamespace

from airflow.configuration import conf
from airflow.sdk import DAG, task

ROWS = [{"region": "north", "amount": 120}, {"region": "south", "amount": 80}]


# example: from-object-storage
def from_object_storage(pulled):
    """Read what `XComObjectStorageBackend` stored, where a pull returned only the object's path."""
    base = conf.get("common.io", "xcom_objectstorage_path", fallback="")
    if not (base and isinstance(pulled, str) and pulled.startswith(f"{base.rstrip('/')}/")):
        return pulled
    from airflow.providers.common.io.xcom.backend import XComObjectStorageBackend

    return XComObjectStorageBackend.deserialize_value(SimpleNamespace(value=pulled))
    # example: end


with DAG("moving_backends", schedule=None, params={"earlier_run": ""}, doc_md=__doc__):

    @task
    def extract():
        return ROWS

    @task
    def load(ti, params):
        rows = ti.xcom_pull(task_ids="extract", run_id=params["earlier_run"] or ti.run_id)
        print("pulled a", type(rows).__name__, "of the run", params["earlier_run"] or ti.run_id)
        rows = from_object_storage(rows)
        assert rows == ROWS, "this is no list of rows"

    extract() >> load()
