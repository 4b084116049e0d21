"""A DAG whose texts are markup, wherever a text may be anything. `conftest.py` gives its file such a name, too."""

from __future__ import annotations

from airflow.sdk import DAG, task

MARKUP = "'\"><img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>{{1234*9}}"
#: A right-to-left mark and an escape: a page shows them as Python writes them. Airflow takes the first in a key.
TURNED_KEY = "turned\u202e"
TURNED = f"{TURNED_KEY}\x1b[31m"
RULES = {"push": {f"ruled{MARKUP}": ["use"], "large": ["use"]}}

with DAG(
    "hostile",
    schedule=None,
    dag_display_name=f"hostile {MARKUP}",
    description=MARKUP,
    doc_md=MARKUP,
    tags=[MARKUP],
    params={"xcom_acl": RULES},
):

    @task(task_display_name=f"push {MARKUP}", doc_md=MARKUP)
    def push(ti=None):
        import pandas

        ti.xcom_push(key=f"ruled{MARKUP}", value=MARKUP)
        ti.xcom_push(key=f"text{MARKUP}", value=MARKUP)
        ti.xcom_push(key=f"dict{MARKUP}", value={MARKUP: [MARKUP], "n": {MARKUP: None}})
        ti.xcom_push(key=f"frame{MARKUP}", value=pandas.DataFrame({MARKUP: [MARKUP] * 3, TURNED: [1, 2, 3]}))
        ti.xcom_push(key=TURNED_KEY, value=TURNED)
        ti.xcom_push(key="typed", value=MARKUP)
        ti.xcom_push(key="large", value=MARKUP * (10 * 1024 * 1024 // len(MARKUP)))
        return [1, 2]

    @task(map_index_template="{{ params.xcom_acl }}" + MARKUP.replace("{{1234*9}}", ""))
    def use(number, ti=None):
        ti.xcom_pull(task_ids="push", key=f"ruled{MARKUP}")
        return MARKUP

    @task
    def spy(used, ti=None):
        ti.xcom_pull(task_ids="push", key=f"ruled{MARKUP}")

    spy(use.expand(number=push()))
