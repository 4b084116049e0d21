"""Rules of `exclusive` alone, and of the param; a run's conf tries to replace them under `dag.test()`."""

import logging

from airflow.sdk import DAG, task

from exclusive_redis_xcom import exclusive


def tasks():
    @task
    def extract():
        return "the value"

    @task
    def load(value): ...

    @task(trigger_rule="all_done")
    def report(ti):
        logging.getLogger(__name__).warning("REPORT GOT %s", ti.xcom_pull(task_ids="extract"))

    value = extract()
    return value, load(value), report()


with DAG("dag_test_conf_exclusive", schedule=None) as with_exclusive:
    value, loaded, reported = tasks()
    loaded >> reported
    exclusive(value, to=loaded)

with DAG(
    "dag_test_conf_param", schedule=None, params={"xcom_acl": {"extract": {"return_value": ["load"]}}}
) as with_param:
    _, loaded, reported = tasks()
    loaded >> reported
