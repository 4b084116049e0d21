"""`pull` gives what `xcom_pull` gives; with `required`, what nobody pushed is an error that offers near names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devtools.worlds.running_task import executing
from exclusive_redis_xcom import ConfigurationError, ExclusiveRedisXCom, XComAccessDenied, XComMissing
from exclusive_redis_xcom import pull as pull_xcom
from exclusive_redis_xcom.declaration.frozen import freeze
from tests.integration.task.sales import CANARY, push, sales_dag

UseBackend = Callable[[Any], None]


@pytest.fixture(autouse=True)
def use_backend(monkeypatch: pytest.MonkeyPatch) -> UseBackend:
    """Let Airflow use our backend; the test may choose another class."""
    from airflow.sdk.execution_time import task_runner, xcom

    def use(backend: Any) -> None:
        for module in (task_runner, xcom):
            monkeypatch.setattr(module, "XCom", backend)

    use(ExclusiveRedisXCom)
    return use


@pytest.fixture
def dag() -> Any:
    rules = {
        "extract": {"token": ["load"], "secret": ["load"]},
        "outputs": {"rows": ["load"]},
        "*": {"every*": ["load"]},
    }
    made = sales_dag(rules)
    freeze(made, default_consumers="same_dag")
    return made


def pulled(dag: Any, *arguments: Any, **options: Any) -> Any:
    with executing(dag.get_task("load")):
        return pull_xcom(*arguments, **options)


def missed(dag: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(XComMissing) as caught:
        pulled(dag, *arguments, **options, required=True)
    return str(caught.value)


class TestWhatIsThere:
    @pytest.mark.parametrize("required", [False, True])
    @pytest.mark.parametrize("value", [CANARY, None, 0, "", []])
    def test_is_pulled_also_if_it_is_nothing(self, dag: Any, value: Any, required: bool) -> None:
        push(dag, value)

        assert pulled(dag, "extract", key="token", required=required) == value

    def test_is_pulled_by_every_argument_of_xcom_pull(self, dag: Any) -> None:
        for index in (0, 1, 2):
            push(dag, index, "return_value", index)
        push(dag, "one", "rows", task_id="outputs")

        assert pulled(dag, "extract", required=True) == [0, 1, 2]
        assert pulled(dag, ["extract"], map_indexes=[2, 0], required=True) == [2, 0]
        assert pulled(dag, "extract", map_indexes=1, required=True) == 1
        assert pulled(dag, "outputs", key="rows", map_indexes=None, include_prior_dates=True, required=True) == "one"
        assert pulled(dag, "outputs", key="rows", dag_id="sales", run_id="another") is None

    def test_is_refused_as_ever(self, dag: Any) -> None:
        push(dag, CANARY)

        with executing(dag.get_task("report")), pytest.raises(XComAccessDenied):
            pull_xcom("extract", key="token", required=True)


class TestWhatIsMissing:
    def test_is_none_or_the_default_unless_it_is_required(self, dag: Any) -> None:
        assert pulled(dag, "extract", key="tokn") is None
        assert pulled(dag, "extract", key="tokn", map_indexes=-1, default="default") == "default"

    def test_is_an_error_that_is_a_lookup_error_and_says_what_is_known(self, dag: Any) -> None:
        text = missed(dag, "extract", key="unheard of")

        decision, cause, remedy = text.split("\n")
        assert decision == "No XCom 'unheard of' of task 'extract'."
        assert "task 'extract' in DAG 'sales', run 'manual__2026" in cause
        assert "required=True" in remedy
        assert issubclass(XComMissing, LookupError)

    @pytest.mark.parametrize("way", [{}, {"map_indexes": -1}, {"map_indexes": [3]}, {"include_prior_dates": True}])
    def test_is_noticed_by_every_way_to_pull(self, dag: Any, way: dict[str, Any]) -> None:
        push(dag, CANARY, map_index=0)

        assert "No XCom 'tokens'" in missed(dag, "extract", key="tokens", **way)

    def test_is_counted_where_several_are_asked_for(self, dag: Any) -> None:
        push(dag, CANARY)

        text = missed(dag, ["extract", "outputs", "report"], key="token")

        assert text.startswith("No XCom 'token' of task 'outputs'")
        assert "misses 2 XComs in all" in text

    def test_does_not_outlive_the_pull(self, dag: Any) -> None:
        missed(dag, "extract", key="tokn")
        push(dag, CANARY)

        assert pulled(dag, "extract", key="token", required=True) == CANARY


class TestNearNames:
    @pytest.mark.parametrize(
        ("task_id", "key", "guess"),
        [
            ("extract", "tokn", "key 'token'"),
            ("extract", "sekret", "key 'secret'"),
            ("extract", "return_valu", "key 'return_value'"),
            ("extract", "return_value", "key 'secret' or key 'token'"),
            ("outputs", "token", "task 'extract'"),
            ("extrat", "token", "task 'extract'"),
            ("output", "rows", "task 'outputs'"),
        ],
    )
    def test_are_offered(self, dag: Any, task_id: str, key: str, guess: str) -> None:
        assert f": did you mean {guess}?\n" in missed(dag, task_id, key=key)

    def test_have_the_group_of_a_task(self, dag: Any) -> None:
        from airflow.sdk import DAG, task, task_group

        with DAG("sales") as made:

            @task
            def extract() -> None: ...

            @task
            def load() -> None: ...

            @task_group
            def group() -> None:
                extract()

            group()
            load()

        assert "did you mean task 'group.extract'?" in missed(made, "extract")

    def test_are_no_patterns(self, dag: Any) -> None:
        assert "did you mean" not in missed(dag, "extract", key="every")

    @pytest.mark.parametrize("known", [True, False])
    def test_are_not_of_another_dag(self, dag: Any, known: bool) -> None:
        from airflow.sdk import DAG, task

        if known:
            with DAG("billing", params={"xcom_acl": {"invoice": {"total": ["sales/load"]}}}) as billing:

                @task
                def invoice() -> None: ...

                invoice()
            freeze(billing, default_consumers="same_dag")

        text = missed(dag, "invoice", key="totl", dag_id="billing")

        assert "did you mean" not in text
        assert "'total'" not in text


def test_without_a_running_task_nothing_is_pulled(dag: Any) -> None:
    push(dag, CANARY)

    with pytest.raises(XComAccessDenied, match="call it inside a task"):
        pull_xcom("extract", key="token")


def test_another_backend_serves_all_but_required(dag: Any, use_backend: UseBackend) -> None:
    from airflow.sdk.bases.xcom import BaseXCom

    use_backend(BaseXCom)
    with executing(dag.get_task("extract")):
        BaseXCom.set("plain", 1, dag_id="sales", task_id="extract", run_id="manual__2026-01-01T00:00:00+00:00")

    assert pulled(dag, "extract", key="plain") == 1
    with pytest.raises(ConfigurationError, match="xcom_backend is airflow"):
        pulled(dag, "extract", key="plain", required=True)
