"""The task `audit` needs the token, too. Add it to the rule, then clear `issue`: a rule is stored with its value."""

from airflow.sdk import DAG, task

RULE = ["load"]  # write ["load", "audit"]

with DAG("rule_changed", schedule=None, params={"xcom_acl": {"issue": {"token": RULE}}}, doc_md=__doc__):

    @task
    def issue(ti):
        ti.xcom_push("token", "a token")

    @task
    def load(ti):
        print("load got", len(ti.xcom_pull(task_ids="issue", key="token")), "characters")

    @task
    def audit(ti):
        print("audit got", len(ti.xcom_pull(task_ids="issue", key="token")), "characters")

    issue() >> [load(), audit()]
