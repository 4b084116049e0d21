"""The pytest plugin, in a pytest of its own: each Airflow is imported once, and many tests use it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import redis

from devtools.redis_server import RedisServer

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/how-to/testing-dags.md").read_text()
CONFTEST, EXAMPLE = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
[DAG_OF_FRONT_PAGE] = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "docs/index.md").read_text(), re.DOTALL | re.MULTILINE
)
TEST_OF_FRONT_PAGE = """
def test_front_page(exclusive_xcom):
    run = exclusive_xcom.run(dag)
    assert run.states == {"extract": "success", "load": "success", "report": "failed"}
    assert [(one.consumer, one.producer) for one in run.refused] == [("report", "extract")]
    assert run.pulled("load") == {"extract:return_value"}
"""


@pytest.fixture
def user(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A user with no Airflow set up, and a conftest.py as docs/how-to/testing-dags.md has it."""
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "PYTEST_XDIST"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(CONFTEST)
    return pytester


def test_a_dag_is_run_under_its_rules(user: pytest.Pytester) -> None:
    user.path.joinpath("test_cases.py").write_text((Path(__file__).parent / "cases.py").read_text())
    user.path.joinpath("test_example.py").write_text(EXAMPLE)
    user.path.joinpath("test_front_page.py").write_text(DAG_OF_FRONT_PAGE + TEST_OF_FRONT_PAGE)

    result = user.runpytest_subprocess(
        "-p", "no:cacheprovider", "--strict-markers", "--exclusive-xcom-update", "--show-capture=no", "-rA", timeout=240
    )

    result.assert_outcomes(passed=24, failed=1, errors=4)
    result.stdout.fnmatch_lines_random(
        [
            '>*raise RuntimeError("the task\'s own words")',
            "E*RuntimeError: the task's own words",
            "E*TaskFailed: Task boom failed: RuntimeError.",
            "*UsageError: The marker exclusive_xcom takes no mode = 'rport'.",
            "*It takes enforce, report.",
            "*UsageError: The marker exclusive_xcom has no argument 'enforce'.",
            "*It takes enforcement, mode, default_consumers.",
            "*UsageError: The marker exclusive_xcom takes arguments with names only.",
            "*UsageError: The marker exclusive_xcom has no effect on test_no_fixture.",
        ]
    )
    assert (user.path / "access.json").exists()
    # pytester has a home of its own. Airflow would write there if it had no temporary one.
    assert not (user.path / "airflow").exists()


ON_A_SERVER = """
    import os

    import pytest
    from airflow.sdk import DAG, task

    with DAG("sales", schedule=None, params={"xcom_acl": {"extract": {"return_value": ["load"]}}}) as dag:

        @task
        def extract():
            return "secret"

        @task
        def load(token):
            return token

        load(extract())

    @pytest.mark.parametrize("number", [1, 2])
    def test_run(exclusive_xcom, number):
        run = exclusive_xcom.run(dag)

        assert run.pulled("load") == {"extract:return_value"}
        import redis

        with redis.Redis.from_url(os.environ["REDIS_URL"]) as server:
            mine = [key.split(b":")[1] for key in server.scan_iter("exclusive_redis_xcom_test:*:sales:*")]
        assert mine

    def test_expiry(exclusive_xcom):
        exclusive_xcom.seed("extract", "return_value", "secret")
        exclusive_xcom.advance(days=8)

        assert type(exclusive_xcom.run_task(dag, "load", check=False).errors["load"]).__name__ == "XComExpired"
"""


def test_a_real_redis_is_left_as_it_was_by_two_processes(
    user: pytest.Pytester, any_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", any_redis.url)
    user.makepyfile(test_on_a_server=ON_A_SERVER)
    with redis.Redis.from_url(any_redis.url) as server:
        server.set("of:others", "1", ex=600)

        result = user.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2", "--strict-markers", timeout=240)

        assert server.keys() == [b"of:others"]
        server.delete("of:others")
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("url", "lines"),
    [
        (
            "redis://127.0.0.1:1/0",
            [
                "E*StoreUnavailable: Looking failed: the connection was refused.",
                "E*Check that Redis is up, and that the variable REDIS_URL says where it is. "
                "Without it, tests use fakeredis.",
            ],
        ),
        ("127.0.0.1:6379", ["E*ConfigurationError: REDIS_URL cannot be used.", "E*The Redis URL must begin with*"]),
    ],
)
def test_a_redis_that_cannot_be_used_is_told(
    user: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, url: str, lines: list[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    user.makepyfile("def test_it(exclusive_xcom): ...")

    result = user.runpytest_subprocess("-p", "no:cacheprovider", "--show-capture=no", timeout=240)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(lines)


def test_the_plugin_imports_no_airflow_and_the_kit_no_pytest(user: pytest.Pytester) -> None:
    user.makepyfile(
        """
        import os
        import subprocess
        import sys

        def test_the_plugin():
            import exclusive_redis_xcom.testing.plugin

            assert [name for name in sys.modules if name.split(".")[0] in ("airflow", "redis", "fakeredis")] == []

        def test_the_kit():
            code = "import exclusive_redis_xcom.testing, exclusive_redis_xcom.testing.dag_runs.exclusive_xcom, sys"
            listed = "; print([name for name in sys.modules if name.split('.')[0] in ('pytest', '_pytest', 'airflow')])"
            done = subprocess.run([sys.executable, "-c", code + listed], capture_output=True, text=True, check=True)
            assert done.stdout == "[]\\n"

        def test_no_update_is_asked():
            assert "EXCLUSIVE_XCOM_UPDATE" not in os.environ
        """
    )

    user.runpytest_subprocess("-p", "no:cacheprovider", timeout=60).assert_outcomes(passed=3)
