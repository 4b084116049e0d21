"""What the text of task functions says about XComs."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from exclusive_redis_xcom.access.code import UNKNOWN, CodeFacts, code_of_file, code_of_text

_HEAD = """\
import functools, json, logging
from contextlib import contextmanager
from typing import NotRequired, TypedDict

import pandas as pd
import team.library
from airflow.sdk import Variable, XCom, get_current_context, task
from exclusive_redis_xcom import pull

KEY = "constant"
KEYS = ("one", "two")
CHANGED = "a"
CHANGED = "b"
CLIENT = team.library.Client()
OWN = json.JSONDecoder()
log = logging.getLogger(__name__)


class Whole(TypedDict):
    a: int


class Longer(Whole):
    b: int


class Partial(TypedDict, total=False):
    c: int


class Some(Whole):
    d: NotRequired[int]


def push(ti, key="by_default", value=None):
    ti.xcom_push(key=key, value=value)


def through_context(**context):
    push(context["ti"], "through_context")


def again(ti, left):
    ti.xcom_push("again", left)
    return again(ti, left - 1)


class Pusher:
    def __init__(self, ti):
        self.ti = ti

    def run(self):
        self.ti.xcom_push("of_object", 1)

"""


def code(body: str) -> CodeFacts:
    """Return what is known of `function`, after some definitions."""
    module = code_of_text(_HEAD + textwrap.dedent(body))
    assert module is not None
    return module.function_named("function")


def in_task(*lines: str, parameters: str = "ti") -> CodeFacts:
    return code(f"@task\ndef function({parameters}):\n" + textwrap.indent("\n".join(lines), "    "))


@pytest.mark.parametrize(
    "lines",
    [
        ['ti.xcom_push(key="constant", value=1)'],
        ['ti.xcom_push("constant", 1)'],
        ["ti.xcom_push(KEY, 1)"],
        ['name = "constant"', "ti.xcom_push(name, 1)"],
        ["context = get_current_context()", 'context["ti"].xcom_push("constant", 1)'],
        ['get_current_context()["task_instance"].xcom_push("constant", 1)'],
        ['instance = get_current_context().get("ti")', 'instance.xcom_push("constant", 1)'],
        ['if ti is not None: ti.xcom_push("constant", 1)'],
        ["push(ti, KEY)"],
        ['push(ti, key="constant", value=2)'],
        ["def inner():", "    push(ti, KEY)", "inner()"],
        ["print(ti, len(KEYS))", 'log.info("%s %s", ti, json.dumps(1))', "ti.xcom_push(KEY, 1)"],
        ['frame = pd.read_csv("x")', "ti.xcom_push(KEY, frame.to_dict())"],
        ['rows = [row for row in Variable.get("x")]', "ti.xcom_push(KEY, sorted(rows, key=lambda row: row.x))"],
        ["ti.xcom_push(KEY, OWN.decode('1'))"],
    ],
)
def test_constant_keys_are_found(lines: list[str]) -> None:
    found = in_task(*lines)

    assert (found.keys, found.computes_keys) == (frozenset({"constant"}), False)


@pytest.mark.parametrize(
    ("lines", "keys"),
    [
        (["push(ti)"], {"by_default"}),
        (["through_context(**get_current_context())"], {"through_context"}),
        (["again(ti, 3)"], {"again"}),
        (["Pusher(ti).run()"], {"of_object"}),
        (['if ti.try_number: ti.xcom_push("a", 1)', 'else: ti.xcom_push("b", 1)'], {"a", "b"}),
    ],
)
def test_helpers_of_the_file_count_for_the_task_that_calls_them(lines: list[str], keys: set[str]) -> None:
    assert keys <= in_task(*lines).keys


@pytest.mark.parametrize(
    "lines",
    [
        ["for name in KEYS: ti.xcom_push(name, 1)"],
        ["ti.xcom_push(CHANGED, 1)"],
        ['ti.xcom_push(f"{KEY}", 1)'],
        ["ti.xcom_push(**{'key': KEY, 'value': 1})"],
        ["team.library.run()"],
        ["team.library.run(ti)"],
        ["CLIENT.run()"],
        ["run = ti.xcom_push", "run('x', 1)"],
        ["getattr(ti, 'xcom_' + 'push')('x', 1)"],
        ["json.dumps(1, default=ti)"],
        ["functools.partial(push, ti)('x')"],
        ["things = [ti]", "things[0].x()"],
        ["things = {'ti': ti}"],
        ["exec('1')"],
        ["missing()"],
        ["return ti"],
        ["list(map(push, [ti]))"],
        ["for value in get_current_context().values(): value.x()"],
        ["name = input()", "get_current_context()[name].x(name)", "get_current_context()[name]"],
        ["XCom.set(key=input(), value=1)"],
    ],
)
def test_what_is_not_understood_may_push_other_keys(lines: list[str]) -> None:
    assert in_task(*lines).computes_keys


def test_the_context_may_come_as_parameters() -> None:
    assert in_task('kwargs["ti"].xcom_push("a", 1)', parameters="**kwargs") == in_task(
        'task_instance.xcom_push("a", 1)', parameters="task_instance"
    )
    assert in_task("team.library.run(kwargs)", parameters="**kwargs").computes_keys


@pytest.mark.parametrize(
    ("line", "pulls"),
    [
        ('ti.xcom_pull("a")', {(None, "a", "return_value")}),
        ('ti.xcom_pull(task_ids="a", key="k")', {(None, "a", "k")}),
        ('ti.xcom_pull(task_ids=["a", "b"], key=KEY)', {(None, "a", "constant"), (None, "b", "constant")}),
        ("ti.xcom_pull(task_ids=KEYS)", {(None, "one", "return_value"), (None, "two", "return_value")}),
        ('ti.xcom_pull("a", "other", "k")', {("other", "a", "k")}),
        ('ti.xcom_pull(task_ids=f"{KEY}", key="k")', {(None, None, "k")}),
        ('ti.xcom_pull(task_ids="a", key=input())', {(None, "a", None)}),
        ('ti.xcom_pull(task_ids="a", dag_id=input())', {(None, None, "return_value")}),
        ("ti.xcom_pull(*KEYS)", {(None, None, None)}),
        ('ti.xcom_pull(key="own")', set()),
        ('pull("a", key="k")', {(None, "a", "k")}),
        ('XCom.get_one(task_id="a", dag_id="other", run_id="r", key="k")', {("other", "a", "k")}),
    ],
)
def test_pulls_are_found(line: str, pulls: set[tuple[str | None, str | None, str | None]]) -> None:
    found = in_task(line)

    assert {pull[:3] for pull in found.pulls} == pulls
    assert all(pull.line == _HEAD.count("\n") + 3 for pull in found.pulls)


@pytest.mark.parametrize(
    ("lines", "returns"),
    [
        (["pass"], False),
        (["return"], False),
        (["return None"], False),
        (["def inner():", "    return 1"], False),
        (["return {'a': 1}"], True),
        (["if ti: return 1", "return 2"], True),
        (["if ti: return 1"], None),
        (["return json.loads('1')"], None),
        (["yield 1"], None),
    ],
)
def test_whether_it_returns_a_value(lines: list[str], returns: bool | None) -> None:
    assert in_task(*lines).returns is returns


@pytest.mark.parametrize(
    ("signature", "body", "outputs", "possible"),
    [
        ("-> Whole", "...", None, {"a"}),
        ('-> "Longer"', "...", None, {"a", "b"}),
        ("-> Whole", "return json.loads('{}')", None, {"a"}),
        ("-> Whole", "return {'a': 1}", ("a",), {"a"}),
        ("-> Whole", "return {'x': 1}", ("x",), {"x"}),
        ("-> Whole", "return Whole(a=1)", ("a",), {"a"}),
        ("-> Whole", "return Whole(json.loads('{}'), x=1)", None, {"a", "x"}),
        ("-> dict", "return dict(x=1, y=2)", ("x", "y"), {"x", "y"}),
        ("-> dict", "return dict(x=1, **json.loads('{}'))", None, {"x"}),
        ("-> dict", "return list(x=1)", None, set()),
        ("-> Partial", "...", None, {"c"}),
        ("-> Some", "...", None, {"a", "d"}),
        ("-> dict", "return {'x': 1, KEY: 2}", ("constant", "x"), {"constant", "x"}),
        ("-> dict", "return {'x': 1, **json.loads('{}')}", None, {"x"}),
        ("-> dict", "return {'x': 1} if ti else {'y': 1}", None, set()),
        ("-> dict", "return {}", None, set()),
    ],
)
def test_outputs_are_known_where_the_dict_is_written_out_and_an_annotation_names_possible_ones(
    signature: str, body: str, outputs: tuple[str, ...] | None, possible: set[str]
) -> None:
    found = code(f"@task(multiple_outputs=True)\ndef function(ti) {signature}:\n    {body}")

    assert found.outputs == outputs
    assert found.possible_outputs == possible


def test_two_dicts_with_other_keys_are_possible_outputs() -> None:
    found = in_task("if ti: return {'x': 1}", "return {'y': 1}")

    assert found.outputs is None
    assert found.possible_outputs == {"x", "y"}


def test_nothing_is_known_of_a_function_with_a_foreign_decorator() -> None:
    assert code("@task\n@team.library.wraps\ndef function(ti): ...") == UNKNOWN
    assert not code("@task\n@contextmanager\ndef function(ti): ...").computes_keys


def test_nothing_is_known_of_a_function_of_another_file() -> None:
    module = code_of_text("from team import load\n\n\ndef other():\n    def load(): ...\n")

    assert module is not None
    assert module.function_named("load") == UNKNOWN
    assert module.function_named("missing") == UNKNOWN


def test_two_functions_of_one_name_are_united() -> None:
    found = code("def function(ti): ti.xcom_push('a', 1)\ndef function(ti): return ti.xcom_push('b', 1)")

    assert found.keys == {"a", "b"}
    assert found.returns is None
    assert not found.computes_keys


def test_functions_inside_of_others_are_found_by_name_and_by_line() -> None:
    text = (
        "from airflow.sdk import dag, task\n"
        "@dag\n"
        "def made():\n"
        "    def helper(instance): instance.xcom_push('k', 1)\n"
        "    @task\n"
        "    def inner(ti): helper(ti)\n"
        "    inner()\n"
        "class Group:\n"
        "    def method(self, ti): ti.xcom_push('m', 1)\n"
    )
    module = code_of_text(text)

    assert module is not None
    assert module.function_named("made.<locals>.inner") == module.function_at(5)
    assert module.function_at(5).keys == {"k"}
    assert module.function_named("Group.method").keys == {"m"}
    assert module.function_at(3) == UNKNOWN


def test_a_file_that_cannot_be_read_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def (")
    (tmp_path / "null.py").write_bytes(b"\0")
    (tmp_path / "deep.py").write_text("x = " + "-" * 100_000 + "1")

    for name in ("bad.py", "null.py", "deep.py", "missing.py"):
        assert code_of_file(str(tmp_path / name)) is None
    assert code_of_text("def (") is None


@pytest.fixture
def usual_depth() -> Iterator[None]:
    """Keep Python's own bound. Airflow raises it for good where it copies an operator (`sdk/bases/operator.py`)."""
    raised = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(raised)


@pytest.mark.usefixtures("usual_depth")
def test_code_that_is_nested_too_deeply_to_be_followed_tells_nothing() -> None:
    module = code_of_text("def function(ti):\n    return " + "(lambda: " * 80 + "1" + ")" * 80)
    calls = code_of_text("def function(ti):\n    return x" + ".y()" * 900)

    assert module is not None
    assert module.function_named("function").keys == set()
    if calls is not None:  # some versions of Python refuse to read it
        assert calls.function_named("function").computes_keys
