"""Each refusal says how to allow the pull. Here its advice is applied to the DAG file, and the pull is tried again."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devtools.worlds.running_task import RUN_ID, executing
from exclusive_redis_xcom import ExclusiveRedisXCom, XComAccessDenied

FILE = """\
from datetime import timedelta
from airflow.sdk import DAG, BaseOperator
from exclusive_redis_xcom import exclusive

class Templated(BaseOperator):
    template_fields = ("text",)

    def __init__(self, *, text="", **kwargs):
        super().__init__(**kwargs)
        self.text = text

with DAG("etl", params={"xcom_acl": {
    "other": {"key": ["load"]},
    RULES
}}) as dag:
    extract = Templated(task_id="extract")
    other = Templated(task_id="other")
    load = Templated(task_id="load", text=extract.output["token"])
    report = Templated(task_id="report", text="")
    extract >> load
    other >> [load, report]
    ORDER
    CALLS

with DAG("bi") as bi:
    daily = BaseOperator(task_id="daily")
"""

#: What stands in the file for RULES and for CALLS, who asks, and the advice that fits.
CASES = {
    "exclusive": ("", "exclusive(extract.output['token'], to=[load])", "report", "exclusive"),
    "exclusive of nobody": ("", "exclusive(extract.output['token'], to=[])", "report", "exclusive"),
    "exclusive with a ttl": (
        "",
        "exclusive(extract.output['token'], to=[load], ttl=timedelta(hours=1), once=True)",
        "report",
        "exclusive",
    ),
    "exclusive for another DAG": ("", "exclusive(extract.output['token'], to=[load])", "bi/daily", "exclusive"),
    "a list": ('"extract": {"token": ["load"]},', "", "report", "list"),
    "a list for another DAG": ('"extract": {"token": ["load"]},', "", "bi/daily", "list"),
    "a rule object": ('"extract": {"token": {"consumers": ["load"], "ttl_seconds": 60}},', "", "report", "list"),
    "nobody": ('"extract": {"token": "nobody"},', "", "report", "word"),
    "same_dag": ('"extract": {"token": "same_dag"},', "", "bi/daily", "word"),
    "linked for another DAG": ('"extract": {"token": "linked"},', "", "bi/daily", "word"),
    "downstream for another DAG": ('"extract": {"token": "downstream"},', "", "bi/daily", "word"),
    "linked": ('"extract": {"token": "linked"},', "", "report", "link"),
    "downstream": ('"extract": {"token": "downstream"},', "", "report", "order"),
    "the policy linked": ('"*": "linked",', "", "report", "link"),
    "the policy downstream": ('"*": "downstream",', "", "report", "order"),
    "the policy linked for another DAG": ('"*": "linked",', "", "bi/daily", "closer"),
    "the policy nobody": ('"*": "nobody",', "", "report", "closer"),
    "the policy of a list": ('"*": ["load"],', "", "report", "closer"),
    "the policy of an object": ('"*": {"consumers": ["load"], "same_run": True},', "", "report", "closer"),
    "a pattern of keys": ('"extract": {"to*": ["load"]},', "", "report", "closer"),
    "a pattern of producers": ('"ext*": {"token": ["load"]},', "", "report", "closer"),
    "a pattern of both with a ttl": (
        '"ext*": {"*": {"consumers": ["load"], "ttl_seconds": 60, "once": True}},',
        "",
        "report",
        "closer",
    ),
    "a flat rule": ('"token": ["load"],', "", "report", "closer"),
    "a flat pattern": ('"to*": "nobody",', "", "report", "closer"),
    "the setting": ("", "", "bi/daily", "closer"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_advice_allows_the_pull(case: str, tmp_path: Path) -> None:
    rules, calls, asker, kind = CASES[case]
    file = written(tmp_path, rules, calls, kind)
    refusal = refused(file, asker)

    (advice,) = (line for line in refusal if line.startswith("To allow it, "))
    APPLY[kind](file, advice)

    assert pulled(file, asker) == "value"


@pytest.mark.parametrize("case", CASES)
def test_the_advice_takes_nothing_from_those_who_may(case: str, tmp_path: Path) -> None:
    rules, calls, asker, kind = CASES[case]
    file = written(tmp_path, rules, calls, kind)
    before = rule_of(file)

    (advice,) = (line for line in refused(file, asker) if line.startswith("To allow it, "))
    APPLY[kind](file, advice)

    after = rule_of(file)
    assert set(after["consumers"]) == {*before["consumers"], asker}
    assert {**after, "consumers": 0} == {**before, "consumers": 0}


@pytest.mark.parametrize("case", CASES)
def test_every_line_says_its_part(case: str, tmp_path: Path) -> None:
    rules, calls, asker, kind = CASES[case]
    file = written(tmp_path, rules, calls, kind)

    decision, rule, remedy, where = refused(file, asker)

    assert re.fullmatch(rf"{asker} may not pull 'token' of extract: only .+ may\.", decision)
    assert len(decision) <= 100
    assert rule.startswith("Rule: ")
    if rules or calls:
        (line,) = (i for i, text in enumerate(file.read_text().splitlines(), 1) if text.strip() == (rules or calls))
        assert f" at etl.py:{line} allows only " in rule
    assert remedy.startswith("To allow it, ")
    assert remedy.endswith(" Then clear extract: the rule is stored with the value.")
    dag, _, task = asker.rpartition("/")
    assert where == (
        f"XCom 'token' of task 'extract' in DAG 'etl', run '{RUN_ID}'. "
        f"Asked by task '{task}' of DAG '{dag or 'etl'}' (run '{RUN_ID}')."
    )


def test_a_rule_of_the_same_run_is_not_answered_with_more_consumers(tmp_path: Path) -> None:
    file = written(tmp_path, '"extract": {"token": {"consumers": ["load"], "same_run": True}},')

    lines = refused(file, "load", run_id="later")

    assert lines[0] == "load may not pull 'token' of extract: only the same run may."
    assert lines[2] == (
        f"Pull it from a task of run '{RUN_ID}', or take same_run out of the rule. Then clear extract: the rule is "
        "stored with the value."
    )
    file.write_text(file.read_text().replace(', "same_run": True', ""))
    assert pulled(file, "load", run_id="later") == "value"


def test_a_list_that_is_too_long_to_repeat_is_not_cut(tmp_path: Path) -> None:
    many = [f"bi/task_{number}" for number in range(60)]
    file = written(tmp_path, f'"extract": {{"token": {many}}},')

    remedy = refused(file, "report")[2]

    assert remedy == (
        "To allow it, add report to the consumers of xcom_acl['extract']['token'] at etl.py:14. "
        "Then clear extract: the rule is stored with the value."
    )


def written(folder: Path, rules: str, calls: str = "", kind: str = "") -> Path:
    """Write the DAG file. `report` comes after `extract`, unless the advice has to make it so."""
    file = folder / "etl.py"
    order = "" if kind in ("link", "order") else "extract >> report"
    file.write_text(FILE.replace("RULES", rules).replace("CALLS", calls).replace("ORDER", order))
    return file


def on_the_named_line(file: Path, advice: str, change: Callable[[str], str]) -> None:
    named = re.search(r" at etl\.py:(\d+)", advice)
    assert named is not None
    lines = file.read_text().splitlines()
    at = int(named[1]) - 1
    changed = change(lines[at])
    assert changed != lines[at]
    file.write_text("\n".join([*lines[:at], changed, *lines[at + 1 :]]))


def apply_to_exclusive(file: Path, advice: str) -> None:
    (to,) = re.findall(r": (to=\[.*?\])\. Then", advice)
    on_the_named_line(file, advice, lambda line: re.sub(r"to=\[.*?\]", to, line))


def apply_to_a_list(file: Path, advice: str) -> None:
    (consumers,) = re.findall(r": (\[[^\]]*\])\. Then", advice)
    on_the_named_line(file, advice, lambda line: re.sub(r"\[.*\]", consumers, line))


def apply_to_a_word(file: Path, advice: str) -> None:
    (word, consumers), *_ = re.findall(r"replace '(\w+)' in .* by (\[[^\]]*\])\. Then", advice)
    on_the_named_line(file, advice, lambda line: line.replace(f'"{word}"', consumers))


def add_a_rule(file: Path, advice: str) -> None:
    (entry,) = re.findall(r"add \{(.*)\} to params\['xcom_acl'\] of DAG 'etl'\.", advice)
    producer = re.match(r"'extract': \{(.*)\}", entry)
    assert producer is not None
    text = file.read_text()
    if '"extract": {' in text:
        text = text.replace('"extract": {', f'"extract": {{{producer[1]}, ')
    else:
        text = text.replace('{"xcom_acl": {', f'{{"xcom_acl": {{{entry},')
    file.write_text(text)


def add_a_link(file: Path, advice: str) -> None:
    (template,) = re.findall(r"for example (\{\{.*?\}\})\.", advice)
    file.write_text(file.read_text().replace('task_id="report", text=""', f'task_id="report", text="{template}"'))


def add_the_order(file: Path, advice: str) -> None:
    (order,) = re.findall(r": (\w+ >> \w+)\. The", advice)
    file.write_text(file.read_text().replace("    extract >> load", f"    extract >> load\n    {order}"))


APPLY: dict[str, Callable[[Path, str], None]] = {
    "exclusive": apply_to_exclusive,
    "list": apply_to_a_list,
    "word": apply_to_a_word,
    "closer": add_a_rule,
    "link": add_a_link,
    "order": add_the_order,
}


def pulled(file: Path, asker: str, *, run_id: str = RUN_ID) -> Any:
    """Push as `extract` under the rules of a file, and return what the asker gets."""
    dags = runpy.run_path(str(file))
    at: dict[str, Any] = {"dag_id": "etl", "task_id": "extract", "run_id": RUN_ID}
    with executing(dags["extract"]):
        ExclusiveRedisXCom.set("token", "value", **at)
    with executing(dags[asker.rpartition("/")[2]], run_id=run_id):
        return ExclusiveRedisXCom.get_one(key="token", **at)


def refused(file: Path, asker: str, *, run_id: str = RUN_ID) -> list[str]:
    with pytest.raises(XComAccessDenied) as caught:
        pulled(file, asker, run_id=run_id)
    return str(caught.value).splitlines()


def rule_of(file: Path) -> dict[str, Any]:
    """Return the rule in force of the XCom, without the place where it stands."""
    from datetime import timedelta

    from exclusive_redis_xcom.declaration import frozen_acl
    from exclusive_redis_xcom.model import Coordinate

    frozen = frozen_acl(runpy.run_path(str(file))["dag"], default_consumers="same_dag")
    acl = frozen.in_force(Coordinate("etl", RUN_ID, "extract", "token"), None, timedelta(days=7))
    return {"consumers": acl.consumers, "ttl": acl.ttl, "same_run": acl.same_run, "once": acl.once}
