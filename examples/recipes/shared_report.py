"""`sales_report` shares its report with one task of another DAG, and with no other task there.

The second DAG runs when the first one has made the report. Its task `archive` fails, as the rule demands.
"""

from airflow.sdk import DAG, Asset, task

SALES_REPORT = Asset("sales_report")

with DAG(
    "sales_report",
    schedule=None,
    params={"xcom_acl": {"make_report": {"return_value": ["check", "mail_report/send"]}}},
    doc_md=__doc__,
):

    @task(outlets=[SALES_REPORT])
    def make_report():
        return {"north": 120, "south": 80}

    @task
    def check(report):
        assert sum(report.values()) == 200

    check(make_report())


def pull_report(ti, triggering_asset_events):
    """Pull the report that the run is about. The event names the run that made it."""
    (made,) = triggering_asset_events[SALES_REPORT]
    return ti.xcom_pull(dag_id=made.source_dag_id, task_ids=made.source_task_id, run_id=made.source_run_id)


with DAG("mail_report", schedule=[SALES_REPORT], doc_md=__doc__):

    @task
    def send(ti, triggering_asset_events):
        print("mail:", pull_report(ti, triggering_asset_events))

    @task
    def archive(ti, triggering_asset_events):
        pull_report(ti, triggering_asset_events)  # raises XComAccessDenied

    send()
    archive()
