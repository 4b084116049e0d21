"""Pull values of this run and of earlier runs, while keys and passwords change.

A run with the conf `{"earlier_runs": ["RUN_ID"]}` pulls from these runs, too. If a pull fails, so does the run.
"""

from airflow.sdk import DAG, task

with DAG(
    "rotating_keys",
    schedule=None,
    params={"earlier_runs": [], "xcom_acl": {"issue": {"token": ["use"]}}},
    doc_md=__doc__,
):

    @task
    def issue(ti):
        ti.xcom_push("token", f"token of {ti.run_id}")

    @task
    def use(ti, params):
        for run_id in [ti.run_id, *params["earlier_runs"]]:
            assert ti.xcom_pull(task_ids="issue", key="token", run_id=run_id) == f"token of {run_id}"
        print("values of", 1 + len(params["earlier_runs"]), "runs")

    issue() >> use()
