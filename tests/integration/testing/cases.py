"""Tests as users write them. `test_plugin.py` runs them in a pytest of their own."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk import DAG, Param, task

import exclusive_redis_xcom
from exclusive_redis_xcom import InvalidAcl, XComAccessDenied, XComExpired
from exclusive_redis_xcom.testing import assert_no_new_access

RULES = {"extract": {"token": {"consumers": ["load", "audit"], "ttl_seconds": 3600}}}


def sales(rules=RULES, **params):
    with DAG("sales", schedule=None, params={"xcom_acl": rules, **params}) as dag:

        @task
        def extract(ti=None):
            ti.xcom_push(key="token", value="secret")
            return 1

        @task
        def load(rows, ti=None):
            assert ti.xcom_pull(task_ids="extract", key="token", map_indexes=-1) == "secret"

        @task
        def report(rows, ti=None):
            try:
                ti.xcom_pull(task_ids="extract", key="token")
            except XComAccessDenied:
                return "refused"
            return "got it"

        @task
        def audit(rows):
            return rows

        rows = extract()
        load(rows)
        report(rows)
        audit(rows)
    return dag


DAG_UNDER_TEST = sales()
OURS = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__"


def traces():
    """What the fixture changes in this process."""
    from airflow.sdk.execution_time import task_runner, xcom

    listeners = {getattr(plugin, "__name__", "") for plugin in task_runner.get_listener_manager().pm.get_plugins()}
    names = (
        *(f"{OURS}{name}" for name in ("REDIS_URL", "KEY_PREFIX", "SEAL_PRIVATE_KEYS")),
        "AIRFLOW__CORE__XCOM_BACKEND",
    )
    left = {
        name for name in os.environ if name in names or name.startswith(("AIRFLOW_CTX_", "_EXCLUSIVE_REDIS_XCOM_T"))
    }
    return (
        xcom.XCom.__name__,
        task_runner.XCom.__name__,
        "exclusive_redis_xcom.airflow.listener" in listeners,
        left,
    )


def test_all_of_it_is_as_before(exclusive_xcom, request):
    assert traces()[:3] == ("ExclusiveRedisXCom", "ExclusiveRedisXCom", True)
    exclusive_xcom.run(DAG_UNDER_TEST)


def test_and_nothing_is_left_of_the_test_before():
    from airflow import settings
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun

    from exclusive_redis_xcom import clock
    from exclusive_redis_xcom.declaration import frozen_acl_by_id
    from exclusive_redis_xcom.task.access import current_access

    assert traces() == ("BaseXCom", "BaseXCom", False, set())
    assert frozen_acl_by_id("sales") is None
    assert current_access.cache_info().currsize == 0
    assert clock.ahead() == timedelta(0)
    with settings.Session() as session:
        assert session.query(DagRun).count() == 0
        assert session.get(DagModel, "sales") is None


def test_a_run_tells_who_pulled_what_and_who_was_refused(exclusive_xcom):
    run = exclusive_xcom.run(DAG_UNDER_TEST)

    assert (run.state, set(run.states.values())) == ("success", {"success"})
    (refusal,) = run.refused
    assert (refusal.consumer, refusal.producer, refusal.key, refusal.action) == ("report", "extract", "token", "pull")
    line = Path(__file__).read_text().splitlines().index(f"RULES = {RULES}".replace("'", '"')) + 1
    rule = f"xcom_acl['extract']['token'] at test_cases.py:{line}"
    assert refusal.reason == f"Rule: {rule} allows only 'load', 'audit'."
    assert str(refusal).splitlines()[0] == "report may not pull 'token' of extract: only load and audit may."
    assert type(refusal.error) is XComAccessDenied
    assert run.would_be_refused == ()
    assert run.pulled("load") == {"extract:token", "extract:return_value"}
    assert run.pulled("report") == {"extract:return_value"}
    assert run.pulled("extract") == set()
    assert run.unused_grants() == [("audit", rule)]


def test_a_second_run_counts_for_itself(exclusive_xcom):
    exclusive_xcom.run(DAG_UNDER_TEST)
    exclusive_xcom.seed("extract", "return_value", 7)

    run = exclusive_xcom.run_task(DAG_UNDER_TEST, "audit")

    assert run.states == {"audit": "success"}
    assert run.pulled("audit") == {"extract:return_value"}
    assert run.pulled("load") == set()


@pytest.mark.exclusive_xcom(mode="report")
def test_report_lets_pass_and_tells(exclusive_xcom):
    run = exclusive_xcom.run(DAG_UNDER_TEST)

    assert run.refused == ()
    assert [(one.consumer, one.key) for one in run.would_be_refused] == [("report", "token")]
    assert run.pulled("report") == {"extract:token", "extract:return_value"}


@pytest.mark.exclusive_xcom(default_consumers="nobody")
class TestDefaults:
    def test_nobody_gets_a_key_without_a_rule(self, exclusive_xcom):
        run = exclusive_xcom.run(DAG_UNDER_TEST)

        assert {one.consumer for one in run.refused if one.key == "return_value"} == {"load", "report", "audit"}
        assert run.states == {"extract": "success", "load": "failed", "report": "failed", "audit": "failed"}

    @pytest.mark.exclusive_xcom(default_consumers="same_dag")
    def test_the_closest_marker_decides(self, exclusive_xcom):
        assert exclusive_xcom.run(DAG_UNDER_TEST).state == "success"


@pytest.mark.exclusive_xcom(enforcement="server")
def test_server_mode_seals(exclusive_xcom, monkeypatch):
    run = exclusive_xcom.run(DAG_UNDER_TEST)

    assert [(one.consumer, one.key) for one in run.refused] == [("report", "token")]
    assert run.pulled("load") == {"extract:token", "extract:return_value"}
    monkeypatch.setattr("exclusive_redis_xcom.task.open_seals.open_for", _never)
    exclusive_xcom.seed("extract", "return_value", 7)
    failed = exclusive_xcom.run_task(DAG_UNDER_TEST, "audit", check=False)
    assert isinstance(failed.errors["audit"], _ReachedError)


class _ReachedError(Exception):
    pass


def _never(*_args, **_options):
    raise _ReachedError


def test_a_seed_that_no_task_pushes_is_an_error(exclusive_xcom):
    exclusive_xcom.seed("extract", "tokn", "secret")
    with pytest.raises(ValueError, match=r"^Task extract pushes no key 'tokn', so it cannot be seeded\.\n") as told:
        exclusive_xcom.run_task(DAG_UNDER_TEST, "load")
    assert str(told.value).endswith("\nIts known keys are 'return_value', 'token'.")


def test_a_seed_grows_old(exclusive_xcom):
    exclusive_xcom.seed("extract", "token", "secret")
    exclusive_xcom.seed("extract", "return_value", 7)
    exclusive_xcom.advance(minutes=30)
    assert exclusive_xcom.run_task(DAG_UNDER_TEST, "load").pulled("load") == {"extract:token", "extract:return_value"}

    exclusive_xcom.advance(minutes=31)
    run = exclusive_xcom.run_task(DAG_UNDER_TEST, "load", check=False)

    assert type(run.errors["load"]) is XComExpired
    assert str(run.errors["load"]).startswith("'token' of extract is no longer in Redis: it expired.\n")
    exclusive_xcom.seed("extract", "token", "secret")
    assert exclusive_xcom.run_task(DAG_UNDER_TEST, "load").state == "success"


def test_time_passes_within_a_run(exclusive_xcom):
    with DAG("late", schedule=None, params={"xcom_acl": RULES}) as dag:

        @task
        def extract(ti=None):
            ti.xcom_push(key="token", value="secret")

        @task
        def load(ti=None):
            exclusive_xcom.advance(timedelta(hours=1), seconds=1)
            ti.xcom_pull(task_ids="extract", key="token")

        @task
        def audit(): ...

        extract() >> load() >> audit()
    run = exclusive_xcom.run(dag, check=False)

    assert type(run.errors["load"]) is XComExpired


def test_mapped_tasks(exclusive_xcom):
    with DAG("mapped", schedule=None) as dag:

        @task
        def numbers():
            return [1, 2]

        @task
        def double(number):
            return 2 * number

        @task
        def total(numbers):
            assert sum(numbers) == 60

        total(double.expand(number=numbers()))
    exclusive_xcom.seed("numbers", "return_value", [1, 2, 3])
    assert exclusive_xcom.run_task(dag, "double").states == dict.fromkeys(
        ("double[0]", "double[1]", "double[2]"), "success"
    )
    exclusive_xcom.seed("double", "return_value", 20, map_index=0)
    exclusive_xcom.seed("double", "return_value", 40, map_index=1)
    assert exclusive_xcom.run_task(dag, "total").pulled("total") == {"double:return_value"}
    exclusive_xcom.seed("numbers", "other", 1, map_index=4)
    with pytest.raises(ValueError, match="cannot be seeded: numbers is not mapped, so it has no map_index"):
        exclusive_xcom.run_task(dag, "total")


def test_the_runs_conf_and_date_reach_the_dag(exclusive_xcom):
    from airflow.sdk import timezone

    with DAG("conf", schedule=None, params={"n": Param(1)}) as dag:

        @task
        def read(params=None, logical_date=None):
            assert (params["n"], logical_date.year) == (2, 2024)

        read()
    exclusive_xcom.run(dag, run_conf={"n": 2}, logical_date=timezone.datetime(2024, 1, 1))


def test_a_run_of_one_task_fails_with_it_though_tasks_follow(exclusive_xcom):
    with DAG("follows", schedule=None) as dag:

        @task
        def boom():
            raise RuntimeError

        @task
        def after(): ...

        boom() >> after()
    run = exclusive_xcom.run_task(dag, "boom", check=False)

    assert (run.states, run.state) == ({"boom": "failed"}, "failed")


def test_the_runs_conf_opens_nothing(exclusive_xcom):
    with pytest.raises(Exception, match="the value that is fixed in the DAG file"):
        exclusive_xcom.run(sales(), run_conf={"xcom_acl": {"*": "anyone"}})


def test_wrong_rules_and_names_are_errors(exclusive_xcom):
    with pytest.raises(InvalidAcl):
        exclusive_xcom.run(sales({"extract": {"token": ["lod"]}}))
    with pytest.raises(
        ValueError, match=r"^DAG sales has no task 'lod'\.\nIts tasks are extract, load, report, audit\.$"
    ):
        exclusive_xcom.run_task(DAG_UNDER_TEST, "lod")
    with pytest.raises(TypeError, match=r"^run\(\) and run_task\(\) take a DAG object, and this is str\."):
        exclusive_xcom.run("dags/sales.py")
    with pytest.raises(ValueError, match=r"^Time passes forwards"):
        exclusive_xcom.advance(hours=-1)
    with pytest.raises(ValueError, match=r"^use_executor runs tasks in other processes"):
        exclusive_xcom.run(DAG_UNDER_TEST, use_executor=True)
    exclusive_xcom.seed("extract", "token", 1)
    with pytest.raises(ValueError, match=r"^run\(\) runs every task, so nothing is left to seed\."):
        exclusive_xcom.run(DAG_UNDER_TEST)


def test_a_refused_push_is_told(exclusive_xcom):
    with DAG("pushes", schedule=None) as dag:

        @task
        def honest(): ...

        @task
        def forger(ti=None):
            from airflow.sdk.execution_time.xcom import XCom

            XCom.set(key="k", value=1, dag_id=ti.dag_id, task_id="honest", run_id=ti.run_id)

        honest() >> forger()
    (refusal,) = exclusive_xcom.run(dag).refused

    assert (refusal.action, refusal.consumer, refusal.producer, refusal.key) == ("push", "forger", "honest", "k")


def test_access_is_recorded():
    file = Path("access.json")
    assert_no_new_access(DAG_UNDER_TEST, file)
    assert file.exists()


def test_fails_with_the_tasks_own_exception(exclusive_xcom):
    with DAG("fails", schedule=None) as dag:

        @task(retries=3)
        def boom():
            raise RuntimeError("the task's own words")

        boom()
    exclusive_xcom.run(dag)


@pytest.mark.exclusive_xcom(mode="rport")
def test_wrong_word(exclusive_xcom): ...


@pytest.mark.exclusive_xcom(enforce="server")
def test_wrong_name(exclusive_xcom): ...


@pytest.mark.exclusive_xcom("server")
def test_no_name(exclusive_xcom): ...


@pytest.mark.exclusive_xcom(mode="report")
def test_no_fixture(): ...


def test_the_home_is_temporary():
    assert "exclusive-xcom-test-" in os.environ["AIRFLOW_HOME"]
    assert "exclusive_redis_xcom.airflow.backend" in sys.modules
    assert exclusive_redis_xcom.__name__
