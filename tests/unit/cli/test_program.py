"""The command `exclusive-xcom`, as people run it."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from exclusive_redis_xcom import __version__, cli
from exclusive_redis_xcom.cli.program import COMMANDS, module_of
from exclusive_redis_xcom.crypto import EncryptionKeys, SealPrivateKeys, SealPublicKey

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "AIRFLOW__EXCLUSIVE_REDIS_XCOM__"


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[tuple[str, str]], str]:
    """The variables on standard output, and standard error."""
    assert cli.main(arguments) == 0
    out, err = capsys.readouterr()
    assert out.endswith("\n")
    return [(name, value) for name, _, value in (line.partition("=") for line in out.splitlines())], err


def test_keygen_prints_the_two_variables_of_a_pair_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    [(public_name, public), (private_name, private)], _ = printed(capsys, "keygen")

    assert (public_name, private_name) == (PREFIX + "SEAL_PUBLIC_KEY", PREFIX + "SEAL_PRIVATE_KEYS")
    assert SealPrivateKeys.parse(private).public == SealPublicKey.parse(public)


def test_keygen_encryption_prints_one_variable_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    [(name, key)], _ = printed(capsys, "keygen", "--encryption")

    assert name == PREFIX + "ENCRYPTION_KEYS"
    assert EncryptionKeys.parse(key).newest_id


@pytest.mark.parametrize("arguments", [("keygen",), ("keygen", "--encryption")])
def test_keygen_makes_new_keys_each_time(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    first, _ = printed(capsys, *arguments)
    second, _ = printed(capsys, *arguments)

    assert {value for _, value in first}.isdisjoint(value for _, value in second)


@pytest.mark.parametrize("arguments", [("keygen",), ("keygen", "--encryption")])
def test_where_each_key_goes_is_said_on_standard_error_without_the_key(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    variables, err = printed(capsys, *arguments)

    for name, value in variables:
        assert name.removeprefix(PREFIX) in err
        assert value[8:] not in err
    assert "--help" in err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_describes_it_and_every_option_in_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])

    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert [line for line in out.splitlines() if len(line) > 80] == []
    usage, description, *_ = out.split("\n\n")
    assert usage.startswith(f"usage: exclusive-xcom {name} ")
    assert re.match(r"[A-Z]\w+ ", description), description
    assert ". " in description or description.rstrip().endswith((".", ":"))
    parser = argparse.ArgumentParser()
    module_of(name).add_arguments(parser)
    assert [action.dest for action in parser._actions if not action.help] == []


def test_help_of_the_program_lists_every_command_with_what_it_does(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    with pytest.raises(SystemExit):
        cli.main(["--help"])

    words = " ".join(capsys.readouterr().out.split())
    assert [name for name, command in COMMANDS.items() if f"{name} {command.help}" not in words] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--help"], ["keygen", "redis-users", "doctor", "gc", "Airflow XCom backend"]),
        (["redis-users", "--help"], ["--key-prefix", "--with-doctor", "new passwords", "stores nothing"]),
        (["gc", "--help"], ["--older-than", "--dry-run", "--force", "spill_path", "Exit status"]),
        (["keygen", "--help"], ["SEAL_PRIVATE_KEYS=<new>,<old>", "API servers alone", "--encryption", "umask"]),
    ],
)
def test_help_tells_what_there_is_in_lines_that_fit_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)

    out = capsys.readouterr().out
    assert ended.value.code == 0
    assert [word for word in told if word not in out] == []
    assert max(map(len, out.splitlines())) < 80


def test_notes_fit_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (("keygen",), ("keygen", "--encryption")):
        _, err = printed(capsys, *arguments)
        assert max(map(len, err.splitlines())) < 80


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sign"],
        ["keygen", "--no-such-option"],
        ["keygen", "more"],
        *(["gc", "--older-than", age] for age in ("0h", "1", "1s", "-1h", "h", "1.5h", "")),
    ],
)
def test_a_mistaken_call_prints_usage_and_no_key(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)

    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert "usage: exclusive-xcom" in err


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])

    assert capsys.readouterr().out == f"exclusive-redis-xcom {__version__}\n"


def test_making_keys_loads_neither_airflow_nor_redis_nor_the_doctor() -> None:
    unwanted = {"airflow", "redis", "pandas", "exclusive_redis_xcom.cli.doctor", "exclusive_redis_xcom.health"}
    code = (
        "import sys; from exclusive_redis_xcom import cli; cli.main(['keygen']);"
        f"sys.exit(sorted(sys.modules.keys() & {unwanted!r}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, timeout=60)

    assert done.returncode == 0, done.stderr


def test_the_command_is_installed_with_the_package() -> None:
    (command,) = entry_points(group="console_scripts", name="exclusive-xcom")

    assert command.load() is cli.main


def test_the_module_runs_as_a_program_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "exclusive_redis_xcom.cli", "keygen"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )

    assert len(done.stdout.splitlines()) == 2
