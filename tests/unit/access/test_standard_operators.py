"""What the operators of Airflow's standard provider push, beside what the model says of them."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType

import airflow.providers.standard
import pytest
from airflow.sdk import DAG, BaseOperator

from exclusive_redis_xcom.access import TaskFacts, parsed, task_facts

FOLDER = Path(airflow.providers.standard.__path__[0])
#: What Airflow itself pushes for these operators: see `model.is_airflows`.
OF_AIRFLOW = {"XCOM_SKIPMIXIN_KEY", "TriggerDagRunLink().xcom_key"}


def classes() -> dict[str, type]:
    """Every operator and sensor of the provider, by its name."""
    found: dict[str, type] = {}
    for file in sorted([*FOLDER.glob("operators/*.py"), *FOLDER.glob("sensors/*.py")]):
        module = importlib.import_module(f"airflow.providers.standard.{file.parent.name}.{file.stem}")
        for name, value in vars(module).items():
            if inspect.isclass(value) and issubclass(value, BaseOperator) and value.__module__ == module.__name__:
                found[name] = value
    return found


CLASSES = classes()
LISTED = sorted(task_facts._OWN_KEYS)


def pushed(module: ModuleType) -> set[str]:
    """The keys of all calls of `xcom_push` in a module, as they are written."""
    return {
        ast.unparse(keyword.value)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "xcom_push"
        for keyword in node.keywords
        if keyword.arg == "key"
    }


@pytest.mark.parametrize("name", [name for name in LISTED if name in CLASSES])
def test_a_listed_operator_pushes_nothing_else(name: str) -> None:
    modules = {inspect.getmodule(each) for each in CLASSES[name].__mro__ if each.__module__.startswith("airflow.")}
    keys = {
        key for module in modules if module is not None and ".providers." in module.__name__ for key in pushed(module)
    }

    named = {repr(key) for key in task_facts._OWN_KEYS[name]}
    constants = {"XCOM_RUN_ID": "'trigger_run_id'", "XCOM_LOGICAL_DATE_ISO": "'trigger_logical_date_iso'"}
    assert {constants.get(key, key) for key in keys} - OF_AIRFLOW <= named


@pytest.mark.parametrize("name", [name for name in LISTED if name in CLASSES])
def test_a_listed_operator_takes_no_code_of_an_author(name: str) -> None:
    """A callable that gets the context may push anything. Callbacks of `BaseOperator` are read apart."""
    own = {
        parameter
        for each in CLASSES[name].__mro__
        if each.__module__.startswith("airflow.providers.standard")
        for parameter in inspect.signature(each.__init__).parameters  # type: ignore[misc]
    } - set(inspect.signature(BaseOperator.__init__).parameters)

    assert [each for each in own if each.endswith(("_callable", "_fn", "_callback", "notifiers"))] == []


def test_every_operator_is_listed_or_calls_a_function_or_is_unknown_on_purpose() -> None:
    bases = {"BaseBranchOperator"}
    unknown = {"ExternalTaskSensor", "HITLOperator", "ApprovalOperator", "HITLBranchOperator", "HITLEntryOperator"}
    private = {name for name in CLASSES if name.startswith("_")}

    assert CLASSES.keys() - private - bases - unknown - set(LISTED) - task_facts._CALLING == set()


def test_keys_of_a_bash_operator_are_known_and_those_of_its_subclass_are_not() -> None:
    from airflow.providers.standard.operators.bash import BashOperator

    class Own(BashOperator):
        pass

    with DAG("dag", schedule=None) as dag:
        BashOperator(task_id="bash", bash_command="echo 1")
        BashOperator(task_id="silent", bash_command="echo 1", do_xcom_push=False)
        Own(task_id="own", bash_command="echo 1")

    facts = parsed.facts_of(dag, default_consumers="same_dag")

    assert facts.tasks["bash"] == TaskFacts("bash", computes_keys=False)
    assert facts.tasks["silent"] == TaskFacts("silent", computes_keys=False, returns=False)
    assert facts.tasks["own"] == TaskFacts("own", computes_keys=True)
