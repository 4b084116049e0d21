"""The commands that read the record of reads and refusals, as people run them on a real Redis."""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from devtools.components import OURS
from devtools.redis_server import RedisServer
from devtools.worlds.fresh_process import start_afresh
from exclusive_redis_xcom import cli
from exclusive_redis_xcom.formats import observed
from exclusive_redis_xcom.formats.observed import Event
from exclusive_redis_xcom.store import Store
from tests.integration.support import API_PASSWORD, API_USER, PASSWORD, PREFIX, USER, open_store

NOW = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC")
REFUSED = Event("sales", "extract", "token", ("bi", "daily"), observed.RULE)
EVIDENCE = "Tasks write this record: it is evidence, and no proof."

Run = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def record(any_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The record, as tasks write it. The commands read it as the restricted user of workers."""
    monkeypatch.setenv(f"{OURS}REDIS_URL", any_redis.url.replace("://", f"://{USER}:{PASSWORD}@"))
    monkeypatch.setenv(f"{OURS}KEY_PREFIX", PREFIX)
    start_afresh()
    with open_store(any_redis.url) as store:
        yield store
    start_afresh()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; return its exit status and the lines of both outputs, with the time as `NOW`."""

    def run_command(*arguments: str) -> tuple[int, list[str], list[str]]:
        capsys.readouterr()
        status = cli.main(arguments)
        out, err = (NOW.sub("NOW", text).splitlines() for text in capsys.readouterr())
        return status, out, err

    return run_command


class TestDenials:
    def test_are_listed_with_the_latest_first(self, record: Store, run: Run) -> None:
        record.count([REFUSED._replace(kind=observed.NOBODY, reader=None)])
        time.sleep(0.005)
        record.count([REFUSED, REFUSED._replace(kind=observed.READ)])

        assert run("denials") == (
            0,
            [
                "LAST                  COUNT  READER       XCOM                 WHY",
                "NOW  1      bi/daily     sales/extract:token  the rule does not name it",
                "NOW  1      (not known)  sales/extract:token  it is not known who asked",
            ],
            ["sales: recorded since NOW, reads since NOW.", EVIDENCE],
        )

    @pytest.mark.parametrize("form", ["json", "yaml"])
    def test_for_programs(self, record: Store, run: Run, form: str) -> None:
        record.count([REFUSED, REFUSED])

        status, out, _ = run("denials", "-o", form)
        found = json.loads("\n".join(out)) if form == "json" else yaml.safe_load("\n".join(out))

        (denial,) = found["denials"]
        assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\+00:00", denial.pop("last"))
        assert denial == {
            "count": 2,
            "reader": {"dag_id": "bi", "task_id": "daily"},
            "xcom": {"dag_id": "sales", "task_id": "extract", "key": "token"},
            "kind": "rule",
            "why": "the rule does not name it",
        }
        assert (status, found["schema"]) == (0, 1)
        assert [each["dag_id"] for each in found["records"]] == ["sales"]

    def test_in_lines(self, record: Store, run: Run) -> None:
        record.count([REFUSED])

        assert run("denials", "-o", "plain")[1] == ["NOW\t1\tbi/daily\tsales/extract:token\tthe rule does not name it"]

    def test_of_one_dag(self, record: Store, run: Run) -> None:
        record.count([REFUSED, REFUSED._replace(dag_id="stock")])

        _, out, err = run("denials", "--dag", "stock", "--dag", "other", "-o", "plain")

        assert out == ["NOW\t1\tbi/daily\tstock/extract:token\tthe rule does not name it"]
        assert err == ["other: nothing is recorded.", "stock: recorded since NOW, no reads.", EVIDENCE]

    def test_of_a_mistyped_dag(self, record: Store, run: Run) -> None:
        record.count([REFUSED])

        for command in ("denials", "suggest"):
            assert run(command, "--dag", "slaes")[2][0] == "slaes: nothing is recorded. Did you mean 'sales'?"

    def test_within_a_time(self, record: Store, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        record.count([REFUSED])
        now = time.time()

        assert len(run("denials", "--since", "1h", "-o", "plain")[1]) == 1
        monkeypatch.setattr(time, "time", lambda: now + 7200)
        _, out, err = run("denials", "--since", "1h", "-o", "plain")

        assert (out, err[0]) == ([], "No refusal is recorded within this time.")

    def test_only_the_latest_are_listed(self, record: Store, run: Run) -> None:
        for key in ("first", "second", "third"):
            record.count([REFUSED._replace(key=key)])
            time.sleep(0.005)

        status, out, err = run("denials", "--limit", "2", "-o", "plain")

        assert (status, [line.split("\t")[3] for line in out]) == (0, ["sales/extract:third", "sales/extract:second"])
        assert err[0] == "1 older refusal is not listed. Name a DAG, or a higher --limit."

    def test_one_record_at_a_time_is_in_memory(self, record: Store, run: Run) -> None:
        """Ten full records take 10 times as much memory as one, unless each is forgotten before the next one."""
        events = [REFUSED._replace(task_id=f"{number:03}" * 60) for number in range(observed.MOST_ENTRIES)]

        def peak(*arguments: str) -> int:
            tracemalloc.start()
            run("denials", "--limit", "1", "-o", "plain", *arguments)
            found = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return found

        for dag_id in map(str, range(10)):
            record.count([event._replace(dag_id=dag_id) for event in events])
        run("denials")  # imports what it needs

        assert peak() < 2.5 * peak("--dag", "0")

    def test_each_class_has_words(self, record: Store, run: Run) -> None:
        record.count([REFUSED._replace(kind=kind) for kind in (*observed.REFUSALS, observed.WOULD_REFUSE)])

        assert len({line.split("\t")[-1] for line in run("denials", "-o", "plain")[1]}) == len(observed.REFUSALS) + 1

    def test_there_are_none(self, record: Store, run: Run) -> None:
        assert run("denials", "-o", "plain") == (0, [], ["No refusal is recorded."])

    def test_a_full_record_says_so(self, record: Store, run: Run) -> None:
        record.count([REFUSED, REFUSED._replace(key="\N{SNOWMAN}" * 1000, by=5)])

        assert "sales: 5 events were not recorded, because the record was full or names too long." in run("denials")[2]

    def test_a_task_cannot_write_to_the_terminal(self, record: Store, run: Run) -> None:
        evil = "\x1b[2J\n\u202egreen"
        record.count([Event(evil, evil, evil, (evil, evil), observed.RULE)])

        for form in ("table", "plain", "json"):
            _, out, err = run("denials", "-o", form)
            assert all(line.replace("\t", "").isprintable() for line in [*out, *err])

    def test_as_an_api_server(
        self, record: Store, run: Run, any_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record.count([REFUSED])
        monkeypatch.setenv(f"{OURS}REDIS_URL", any_redis.url.replace("://", f"://{API_USER}:{API_PASSWORD}@"))
        start_afresh()

        assert len(run("denials", "-o", "plain")[1]) == 1

    def test_observe_is_off(self, record: Store, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(f"{OURS}OBSERVE", "off")
        start_afresh()

        assert run("denials")[2][0] == (
            "[exclusive_redis_xcom] observe is off here: if that holds for tasks, too, nothing is recorded."
        )


DAG = """
from airflow.sdk import DAG, BaseOperator

with DAG("sales", params={"xcom_acl": {
    "extract": {"token": {"consumers": ["load", "report"], "ttl_seconds": 60}, "other": "downstream"},
}}):
    extract, load, report = (BaseOperator(task_id=name) for name in ("extract", "load", "report"))
    extract >> [load, report]
"""
READ = Event("sales", "extract", "token", ("sales", "load"), observed.READ)


@pytest.fixture
def dags(tmp_path: Path) -> str:
    (tmp_path / "sales.py").write_text(DAG)
    return str(tmp_path)


class TestSuggest:
    def test_prints_a_param_to_paste(self, record: Store, run: Run) -> None:
        record.count([READ, READ, REFUSED])

        status, out, err = run("suggest")

        assert (status, err) == (0, ["sales: recorded since NOW, reads since NOW.", EVIDENCE])
        assert out == [
            "# DAG 'sales': reads recorded since NOW.",
            f"# {EVIDENCE} Read each line before you apply it.",
            "# The names were compared with no DAG file. Give --dags PATH for that.",
            "params={",
            "    'xcom_acl': {",
            "        '*': 'nobody',  # nobody read any other XCom",
            "        'extract': {",
            "            'token': [",
            "                'load',  # read 2 times, last NOW",
            "            ],",
            "        },",
            "    },",
            "}",
        ]

    def test_with_dag_files_keeps_what_rules_set_and_checks_names(self, record: Store, run: Run, dags: str) -> None:
        record.count([READ, READ._replace(reader=("sales", "gone"))])

        status, out, _ = run("suggest", "--dags", dags, "-o", "json")
        (suggestion,) = json.loads("\n".join(out))["suggestions"]

        assert status == 0
        assert suggestion["xcom_acl"] == {
            "*": "nobody",
            "extract": {"token": {"consumers": ["load"], "ttl_seconds": 60}},
        }
        assert [(left["reader"]["task_id"], left["why"]) for left in suggestion["left_out"]] == [
            ("gone", "the DAG has no such reader")
        ]

    def test_of_refusals_alone_nothing_is_suggested(self, record: Store, run: Run) -> None:
        record.count([REFUSED])

        assert run("suggest") == (
            2,
            [],
            [
                "No read is recorded. Set [exclusive_redis_xcom] observe = reads where tasks run, and wait.",
                "sales: recorded since NOW, no reads.",
                EVIDENCE,
            ],
        )


class TestUnused:
    def test_lists_what_nobody_used(self, record: Store, run: Run, dags: str) -> None:
        record.count([READ])
        token = "xcom_acl['extract']['token'] at sales.py:5"

        status, out, err = run("unused", "--dags", dags, "-o", "plain")

        assert (status, err) == (0, ["sales: recorded since NOW, reads since NOW.", EVIDENCE])
        assert out == [
            "sales\txcom_acl['extract']['other'] (downstream) at sales.py:5\tdownstream\t0\tnever\tno",
            f"sales\t{token}\treport\t0\tnever\tno",
        ]
        assert f"sales\t{token}\tload\t1\tNOW\tyes" in run("unused", "--dags", dags, "-o", "plain", "--all")[1]

    def test_claims_nothing_without_a_record(self, record: Store, run: Run, dags: str) -> None:
        status, out, err = run("unused", "--dags", dags, "-o", "json")

        assert (status, {use["used"] for use in json.loads("\n".join(out))["uses"]}) == (0, {"maybe"})
        assert err == ["sales: no read is recorded, so nothing can be told. Set observe = reads where tasks run."]


COMMANDS = [("denials",), ("suggest",), ("unused",)]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_in_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: tuple[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main([*command, "--help"])

    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
