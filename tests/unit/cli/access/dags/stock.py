from airflow.sdk import DAG, task

with DAG("stock", schedule=None, params={"xcom_acl": {"check": {"summary": ["sales/load"]}}}):

    @task
    def count() -> int:
        return 1

    @task
    def check(counted: int) -> None: ...

    check(count())
