"""Three values to look at in a shell and in Airflow's UI: an open one, a restricted one, and one to be read once."""

from airflow.sdk import DAG, task

with DAG(
    "look_at_values",
    schedule=None,
    params={
        "xcom_acl": {
            "extract": {
                "password": ["load"],
                "ticket": {"consumers": ["load"], "once": True},
            }
        }
    },
    doc_md=__doc__,
):

    @task
    def extract(ti):
        ti.xcom_push("password", "correct horse battery staple")
        ti.xcom_push("ticket", "ticket number 7")
        return {"rows": 2, "regions": ["north", "south"]}

    @task
    def load(summary, ti):
        password = ti.xcom_pull(task_ids="extract", key="password")
        print("rows:", summary["rows"], "- characters of the password:", len(password))

    load(extract())
