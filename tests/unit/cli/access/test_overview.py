"""`exclusive-xcom access`: the whole access of DAG files, in every format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exclusive_redis_xcom import cli
from exclusive_redis_xcom.access import Access
from exclusive_redis_xcom.access.loading import load
from exclusive_redis_xcom.cli.access import overview

pytestmark = pytest.mark.usefixtures("warm_parsing")

DAGS = Path(__file__).parent / "dags"


def shown(
    capsys: pytest.CaptureFixture[str], access: Access, form: str, *, only: str | None = None, expand: bool = False
) -> str:
    """Standard output."""
    assert overview.show(access, form=form, only=None if only is None else [only], expand=expand) == 0
    return capsys.readouterr().out


def test_the_table_has_a_line_for_each_xcom(capsys: pytest.CaptureFixture[str], access: Access) -> None:
    assert shown(capsys, access, "table").splitlines() == [
        "XCOM                       WHO MAY PULL  WHO PERHAPS MAY  FURTHER   RULE",
        "sales/extract:rows         load          reports/*        same_run  "
        "xcom_acl['extract']['rows'] at sales.py:17",
        "sales/load:return_value    audit                                    xcom_acl['*'] (linked) at sales.py:18",
        "sales/log_in:region        nobody        reports/daily              "
        "xcom_acl['log_in']['region'] at sales.py:16",
        "sales/log_in:return_value  nobody                                   xcom_acl['*'] (linked) at sales.py:18",
        "sales/log_in:token         load                                     "
        "xcom_acl['log_in']['token'] at sales.py:16",
        "stock/check:summary        sales/load                               "
        "xcom_acl['check']['summary'] at stock.py:3",
        "stock/count:return_value   all tasks                                default_consumers (same_dag)",
    ]


def test_one_dag_with_each_task_by_name(capsys: pytest.CaptureFixture[str], access: Access) -> None:
    assert shown(capsys, access, "plain", only="stock", expand=True).splitlines() == [
        "stock/check:summary\tsales/load\t\t\txcom_acl['check']['summary'] at stock.py:3",
        "stock/count:return_value\tcheck\t\t\tdefault_consumers (same_dag)",
    ]


def test_json_has_patterns_and_rules(capsys: pytest.CaptureFixture[str], access: Access) -> None:
    read = json.loads(shown(capsys, access, "json", only="stock"))

    assert read["schema"] == 1
    assert read["xcoms"][1] == {
        "xcom": {"dag_id": "stock", "task_id": "count", "key": "return_value"},
        "readers": [{"consumer": {"dag_id": "stock", "task_id": "*"}, "verdict": "yes"}],
        "rule": {
            "source": "default_consumers (same_dag)",
            "place": None,
            "consumers": "same_dag",
            "ttl_seconds": None,
            "same_run": False,
            "once": False,
        },
    }


@pytest.mark.parametrize(
    ("form", "first", "last"),
    [
        (
            "csv",
            "producer_dag,producer_task,key,consumer_dag,consumer_task,may,",
            "stock,count,return_value,stock,*,yes,",
        ),
        ("markdown", "### `sales`", "| `count` | `return_value` | `all tasks` |  |  | "),
        ("mermaid", "flowchart LR", "  class n"),
        ("dot", "digraph access {", "}"),
        ("svg", '<svg xmlns="http://www.w3.org/2000/svg" ', "</svg>"),
        ("html", "<!DOCTYPE html>", "</html>"),
    ],
)
def test_documents(capsys: pytest.CaptureFixture[str], access: Access, form: str, first: str, last: str) -> None:
    out = shown(capsys, access, form)

    lines = out.splitlines()
    assert lines[0].startswith(first)
    assert lines[-1].startswith(last)
    assert out.endswith("\n")


def test_airflows_own_examples_are_shown_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    import airflow

    examples = Path(airflow.__file__).parent / "example_dags"
    access = Access(load(examples, default_consumers="linked").dags)

    assert len(access.dags) > 30
    for form in overview.FORMATS:
        out = shown(capsys, access, form)
        assert [dag_id for dag_id in ("tutorial_taskflow_api", "example_xcom") if dag_id not in out] == [], form


def test_the_whole_command(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["access", "--dags", str(DAGS), "--default-consumers", "same_dag", "--dag", "stock", "--expand"]

    assert cli.main([*arguments, "--format", "plain"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == (
        "stock/count:return_value\tcheck\t\t\tdefault_consumers (same_dag)"
    )


def test_a_dag_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["access", "--dags", str(DAGS), "--default-consumers", "same_dag", "--dag", "stok"]) == 2

    assert capsys.readouterr() == ("", "There is no DAG 'stok' here.\nDid you mean 'stock'?\n")
