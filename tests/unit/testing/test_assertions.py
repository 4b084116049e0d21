"""The test kit, as the author of a DAG uses it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.sdk import DAG, task

from exclusive_redis_xcom.testing import (
    Access,
    UndecidedError,
    assert_can_pull,
    assert_cannot_pull,
    assert_every_key_has_a_rule,
    assert_no_new_access,
    assert_only,
    effective_access,
)

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).name


def sales(token: object = ("load",), default: str = "linked", extra: dict[str, object] | None = None) -> DAG:
    consumers = list(token) if isinstance(token, tuple) else token
    acl = {"extract": {"token": consumers}, "*": default, **(extra or {})}
    with DAG("sales", schedule=None, params={"xcom_acl": acl}) as dag:

        @task
        def extract() -> int:
            return 1

        @task
        def load(value: int) -> None: ...

        @task
        def report() -> None: ...

        load(extract()) >> report()
    return dag


def computed() -> DAG:
    with DAG("sums", schedule=None, params={"xcom_acl": {"add": {"secret": ["audit"]}}}) as dag:

        @task(multiple_outputs=True)
        def add() -> dict:  # type: ignore[type-arg]
            return {}

        @task
        def audit() -> None: ...

        @task
        def load() -> None: ...

        add() >> [audit(), load()]
    return dag


def message(text: BaseException) -> str:
    """What an error says, without the lines of this file, which move."""
    return re.sub(rf"{HERE}(:\d+)?", "FILE", str(text))


def test_who_may_pull_is_asked_with_the_ids_of_the_dag() -> None:
    access = effective_access(sales())

    assert access.can_pull("load", "extract", "token") is True
    assert access.can_pull("report", "extract", "token") is False
    assert access.can_pull("load", "extract") is True
    assert access.consumers("extract", "token") == {"load"}
    assert access.readable_by("load") == {"extract:token", "extract:return_value"}
    assert access.readable_by("report") == set()


def test_several_dags_are_asked_with_whole_names() -> None:
    with DAG("bi", schedule=None) as bi:

        @task
        def daily() -> None: ...

        daily()
    access = effective_access([sales(("load", "bi/daily", "stock/*")), bi])

    assert access.can_pull("bi/daily", "sales/extract", "token")
    assert access.consumers("sales/extract", "token") == {"sales/load", "bi/daily", "stock/*"}
    assert access.readable_by("bi/daily") == {"sales/extract:token"}
    assert_only(access, "sales/extract", "token", {"sales/load", "bi/daily", "stock/*"})
    with pytest.raises(UndecidedError, match="'load' names no task: there are 2 DAGs"):
        access.can_pull("load", "sales/extract")


def test_a_folder_is_asked_like_a_dag(tmp_path: Path) -> None:
    (tmp_path / "dag.py").write_text(
        "from airflow.sdk import DAG, task\n"
        "with DAG('sales', schedule=None, params={'xcom_acl': {'extract': {'token': ['load']}}}):\n"
        "    @task\n    def extract() -> int: return 1\n"
        "    @task\n    def load(value: int) -> None: ...\n"
        "    load(extract())\n"
    )

    assert effective_access(tmp_path, default_consumers="nobody").consumers("extract", "token") == {"load"}


def test_the_difference_of_two_versions_is_told() -> None:
    diff = effective_access(sales()).diff(effective_access(sales(("load", "report"))))

    [change] = diff.gained
    assert [reader.name for reader in change.readers] == ["sales/report"]
    assert [tuple(xcom) for xcom in change.xcoms] == [("sales", "extract", "token")]
    assert diff.has_gains


def test_assertions_that_hold_pass() -> None:
    dag = sales()

    assert_can_pull(dag, "load", "extract", "token")
    assert_cannot_pull(dag, "report", "extract", "token")
    assert_only(dag, "extract", "token", {"load"})
    assert_only(dag, "extract", "token", {"load", "extract"})
    assert_only(dag, "extract", "return_value", ["load"])


def test_a_refused_pull_says_the_rule_and_its_place() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_can_pull(sales(), "report", "extract", "token")

    assert message(caught.value).splitlines() == [
        "report may not pull 'token' of extract.",
        "xcom_acl['extract']['token'] at FILE allows only 'load'.",
        "If it should pull the value, name report in that rule.",
    ]


def test_an_allowed_pull_says_the_rule_and_its_place() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_cannot_pull(sales(), "load", "extract", "token")

    assert message(caught.value).splitlines() == [
        "load may pull 'token' of extract.",
        "xcom_acl['extract']['token'] at FILE allows 'load'.",
        "If it should not, write a rule that leaves load out.",
    ]


def test_other_consumers_than_expected_are_listed_both_ways() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_only(sales(("report", "bi/*")), "extract", "token", {"load"})

    assert message(caught.value).splitlines() == [
        "Other tasks than expected may pull 'token' of extract.",
        "  + bi/* may pull it, and is not expected",
        "  + report may pull it, and is not expected",
        "  - load may not pull it, and is expected",
        "The rule is xcom_acl['extract']['token'] at FILE.",
    ]


@pytest.mark.parametrize("assertion", [assert_can_pull, assert_cannot_pull])
def test_what_cannot_be_known_fails_both_assertions(assertion: object) -> None:
    assert callable(assertion)
    with pytest.raises(AssertionError) as caught:
        assertion(computed(), "load", "add")

    first, why, _ = message(caught.value).splitlines()
    assert first == "Whether load may pull 'return_value' of add cannot be known."
    assert why.endswith("but the code of add computes the keys that 'return_value' copies.")


def test_what_cannot_be_known_is_neither_true_nor_false() -> None:
    access = effective_access(computed(), default_consumers="same_dag")

    for ask in (
        lambda: access.can_pull("load", "add"),
        lambda: access.consumers("add"),
        lambda: access.readable_by("load"),
        lambda: assert_only(access, "add", "return_value", {"audit"}),
    ):
        with pytest.raises(UndecidedError, match="cannot be known"):
            ask()


@pytest.mark.parametrize(
    ("arguments", "first"),
    [
        (("laod", "extract", "token"), "DAG 'sales' has no task 'laod'."),
        (("load", "extarct", "token"), "DAG 'sales' has no task 'extarct'."),
        (("load", "extract", "tokn"), "Task extract pushes no key 'tokn'."),
        (("load", "other/extract", "token"), "There is no DAG 'other' here."),
    ],
)
def test_a_wrong_name_is_an_error_and_never_a_pass(arguments: tuple[str, str, str], first: str) -> None:
    for assertion in (assert_can_pull, assert_cannot_pull):
        with pytest.raises(UndecidedError) as caught:
            assertion(sales(), *arguments)
        assert str(caught.value).splitlines()[0] == first


def test_among_several_dags_the_advice_names_one_that_has_the_task() -> None:
    with DAG("stock", schedule=None) as stock:

        @task
        def count() -> int:
            return 1

        count()

    with pytest.raises(UndecidedError) as caught:
        assert_can_pull([sales(), stock], "count", "sales/extract", "token")

    assert str(caught.value) == "'count' names no task: there are 2 DAGs.\nWrite DAG/TASK, as in 'stock/count'."


def test_assert_only_refuses_wrong_names_of_consumers_and_a_single_text() -> None:
    with pytest.raises(UndecidedError, match="DAG 'sales' has no task 'laod'"):
        assert_only(sales(), "extract", "token", {"laod"})
    with pytest.raises(TypeError, match=re.escape("Write {'load'}.")):
        assert_only(sales(), "extract", "token", "load")


def test_every_key_without_an_entry_of_its_own_is_named() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_every_key_has_a_rule(sales())

    lines = message(caught.value).splitlines()
    assert "  extract:return_value: xcom_acl['*'] (linked) at FILE decides" in lines
    assert not any("extract:token" in line for line in lines)


def test_entries_for_all_keys_of_all_tasks_pass() -> None:
    assert_every_key_has_a_rule(sales(extra={"extract": {"*": ["load"]}, "load": {"*": []}, "report": {"*": []}}))


def test_a_key_that_is_ignored_without_need_is_an_error() -> None:
    with pytest.raises(ValueError, match="These XComs have a rule, or are not known: extract:token"):
        assert_every_key_has_a_rule(sales(), ignore=["extract:token"])


@pytest.mark.parametrize("name", ["access.json", "access.snapshot"])
def test_new_access_fails_until_the_file_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file = tmp_path / name
    with pytest.raises(AssertionError, match="There is no recorded access in access"):
        assert_no_new_access(sales(), file)
    monkeypatch.setenv("EXCLUSIVE_XCOM_UPDATE", "1")
    assert_no_new_access(sales(), file)
    monkeypatch.delenv("EXCLUSIVE_XCOM_UPDATE")
    written = file.read_text()

    assert_no_new_access(sales(), file)
    assert_no_new_access(sales(()), file)  # less access
    with pytest.raises(AssertionError) as caught:
        assert_no_new_access(sales(("load", "report")), file)

    assert message(caught.value).splitlines() == [
        f"Somebody may read more than {name} says.",
        "  + sales/report may read sales/extract:token",
        "    the rule is xcom_acl['extract']['token'] at FILE",
        f"If that is meant: Run the tests once with EXCLUSIVE_XCOM_UPDATE=1, review {file} and commit it.",
    ]
    assert file.read_text() == written
    assert_no_new_access(sales(("load", "report")), file, update=True)
    assert_no_new_access(sales(("load", "report")), file)


@pytest.mark.parametrize(
    ("token", "told"),
    [
        (("load", "bi/*"), "  + bi/* may perhaps read sales/extract:token"),
        ({"consumers": ["load"], "ttl_seconds": 60}, "  + sales/extract:token"),
    ],
)
def test_access_that_may_be_new_fails_too(tmp_path: Path, token: object, told: str) -> None:
    file = tmp_path / "access.json"
    assert_no_new_access(sales(), file, update=True)

    with pytest.raises(AssertionError) as caught:
        assert_no_new_access(sales(token), file)

    assert told in str(caught.value).splitlines()


def test_a_recorded_file_has_one_grant_on_each_line_and_no_place(tmp_path: Path) -> None:
    file = tmp_path / "access.json"
    assert_no_new_access(sales(), file, update=True)

    assert json.loads(file.read_text())["schema"] == 1
    assert '  "sales/extract:token <- sales/load",' in file.read_text().splitlines()
    assert HERE not in file.read_text()


def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "access.json"
    for text in (
        "",
        "{}",
        '{"schema": 1, "snapshot": ["x"]}',
        '{"schema": 1, "snapshot": 3}',
        "# exclusive-xcom snapshot 2",
    ):
        file.write_text(text)
        with pytest.raises(UndecidedError):
            assert_no_new_access(sales(), file)


def test_nothing_is_no_dag() -> None:
    with pytest.raises(UndecidedError, match="There is no DAG"):
        effective_access([])


def test_an_access_is_taken_where_dags_are() -> None:
    access = effective_access(sales())

    assert isinstance(access, Access)
    assert effective_access(access) is access


def test_importing_the_kit_is_cheap() -> None:
    heavy = {"airflow", "redis", "pytest"}
    code = f"import sys; import exclusive_redis_xcom.testing; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60)

    assert done.stdout.strip() == b""
