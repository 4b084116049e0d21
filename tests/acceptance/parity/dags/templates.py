"""XComs in templates: Bash, Python and SQL operators, native objects, and `.output`."""

from __future__ import annotations

import sqlite3
from typing import Any

from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, task

from tests.acceptance.parity.classes import Point
from tests.acceptance.parity.seen import see


class Memory(DbApiHook):
    """A database that is empty whenever it is opened."""

    conn_name_attr = "memory_conn_id"
    supports_autocommit = True

    def get_conn(self) -> Any:
        return sqlite3.connect(":memory:")

    def get_autocommit(self, conn: Any) -> bool:
        return True

    def set_autocommit(self, conn: Any, autocommit: bool) -> None: ...


class InMemory(SQLExecuteQueryOperator):
    def get_db_hook(self) -> DbApiHook:
        return Memory()


def made() -> Any:
    return {"n": 7, "name": "a b", "pair": (1, 2), "items": [1, 2, 3], 1: "int key", "point": Point(1, 2)}


def see_all(given: dict[str, Any]) -> Any:
    for name, value in given.items():
        see(name, value)
    return given.get("returned")


PULLED = "ti.xcom_pull(task_ids='make')"
TEMPLATES = {
    "number": f"{{{{ {PULLED}['n'] }}}}",
    "text in text": f"<{{{{ {PULLED}['name'] }}}}>",
    "tuple": f"{{{{ {PULLED}['pair'] }}}}",
    "filter": f"{{{{ {PULLED}['items'] | sum }}}}",
    "loop": f"{{% for item in {PULLED}['items'] %}}{{{{ item }}}};{{% endfor %}}",
    "JSON": f"{{{{ {PULLED}['items'] | tojson }}}}",
    "attribute": f"{{{{ {PULLED}['point'].x }}}}",
    "int key": f"{{{{ {PULLED}.get(1, 'not there') }}}}",
    "text key": f"{{{{ {PULLED}.get('1', 'not there') }}}}",
    "never pushed": "{{ ti.xcom_pull(task_ids='make', key='never') }}",
    "nested": {"list": [f"{{{{ {PULLED}['n'] }}}}"]},
}

with DAG("parity_templates", schedule=None, catchup=False):
    make = PythonOperator(task_id="make", python_callable=made)
    python = PythonOperator(task_id="python", python_callable=see_all, op_kwargs={"given": TEMPLATES})
    bash = BashOperator(
        task_id="bash",
        bash_command=f"echo '{{{{ {PULLED}['name'] }}}}' $FROM_ENV",
        env={"FROM_ENV": f"{{{{ {PULLED}['n'] }}}}", "PATH": "/usr/bin:/bin"},
    )
    sql = InMemory(
        task_id="sql",
        conn_id="unused",
        sql=f"SELECT {{{{ {PULLED}['n'] }}}} AS n, ? AS name",
        parameters=[f"{{{{ {PULLED}['name'] }}}}"],
        show_return_value_in_logs=False,
    )
    of_output = PythonOperator(
        task_id="of_output",
        python_callable=see_all,
        op_kwargs={"given": {"whole": make.output, "in a list": [bash.output], "rows": sql.output}},
    )

    @task.bash
    def flow(number: Any) -> str:
        return f"echo {number['n']}"

    @task
    def last(line: Any) -> None:
        see("of @task.bash", line)

    make >> [python, bash, sql] >> of_output
    last(flow(make.output))

with DAG("parity_native_templates", schedule=None, catchup=False, render_template_as_native_obj=True):
    native_make = PythonOperator(task_id="make", python_callable=made)
    native = PythonOperator(
        task_id="native",
        python_callable=see_all,
        op_kwargs={
            "given": {**TEMPLATES, "whole": f"{{{{ {PULLED} }}}}", "returned": f"{{{{ {PULLED}['pair'] }}}}"},
        },
    )
    of_native = PythonOperator(
        task_id="of_native", python_callable=see_all, op_kwargs={"given": {"pulled": "{{ ti.xcom_pull('native') }}"}}
    )
    native_make >> native >> of_native
