"""What Redis' own words mean. The texts are those of servers from 6.2 to 9.1."""

from __future__ import annotations

import pytest
from redis import exceptions as driver

from exclusive_redis_xcom.connection import Address, RedisOptions, Timeouts, classifying, replies
from exclusive_redis_xcom.connection.classifying import classify
from exclusive_redis_xcom.connection.failure import Failure
from exclusive_redis_xcom.connection.replies import code_of, refuses_command

#: The longest word that begins an error of `RedisClient`.
LONGEST_ACTION = "Uncommitting"
OPTIONS = RedisOptions(addresses=(Address("127.0.0.1", 1),), db=99, setting="redis_conn_id")
CANARY = "canary-4f1e"


def reply(text: str) -> driver.ResponseError:
    return driver.ResponseError(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("OOM command not allowed when used memory > 'maxmemory'.", "OOM"),
        ("-OOM command not allowed", "OOM"),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY"),
        ("ERR Error running script (call to f_1): @user_script:9: -OOM command not allowed", "OOM"),
        ("Error running script (call to f_1): @user_script: 9: -MISCONF Redis is configured to save", "MISCONF"),
        ("EXECABORT Transaction discarded because of: OOM command not allowed", "OOM"),
        ("EXECABORT Transaction discarded because of previous errors.", "EXECABORT"),
        ("ACL failure in script: User u has no permissions to run the 'hset' command", "NOPERM"),
        ("The user executing the script can't run this command or subcommand script: 1", "NOPERM"),
        ("DENIED Redis is running in protected mode because protected mode is enabled", "DENIED"),
        ("DB index is out of range", ""),
        ("SELECT is not allowed in cluster mode", ""),
        ("EVAL is not allowed here", ""),
        ("AUTH <password> called without any password", ""),
        ("Error running script (call to f_1): @user_script:9: -WHATEVER it is", ""),
        ("Transaction discarded because of: WATCH was lost", ""),
        ("unknown command 'HMGET', with args beginning with: 'OOM' ", ""),
        ("", ""),
    ],
)
def test_only_known_codes_are_codes(text: str, code: str) -> None:
    assert code_of(reply(text)) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (driver.OutOfMemoryError("command not allowed"), "OOM"),
        (driver.NoPermissionError("User u has no permissions"), "NOPERM"),
        (driver.ReadOnlyError("You can't write against a read only replica."), "READONLY"),
        (driver.MasterDownError("Link with MASTER is down"), "MASTERDOWN"),
        (driver.ClusterDownError("Hash slot not served"), "CLUSTERDOWN"),
        (driver.MovedError("12 127.0.0.1:7001"), "MOVED"),
        (driver.AskError("12 127.0.0.1:7001"), "ASK"),
        (driver.ExecAbortError("Transaction discarded because of: OOM command not allowed"), "OOM"),
        (driver.ExecAbortError("Transaction discarded because of previous errors."), "EXECABORT"),
    ],
)
def test_a_class_of_redis_py_stands_for_its_code(error: Exception, code: str) -> None:
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("unknown command 'CONFIG', with args beginning with: 'GET' ", True),
        ("NOPERM User u has no permissions", True),
        ("command is not available here", True),
        ("DB index is out of range", False),
        ("SELECT is not allowed in cluster mode", False),
        ("max number of clients + cluster connections reached", False),
        ("BUSY Redis is busy running a script", False),
    ],
)
def test_the_refusal_of_a_command_is_told_from_that_of_a_connection(text: str, alone: bool) -> None:
    assert refuses_command(reply(text)) is alone


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            f"unknown command 'HMGET', with args beginning with: '{CANARY}' ",
            "this Redis does not know the command HMGET",
        ),
        (
            f"unknown command `evalsha`, with args beginning with: `{CANARY}`, ",
            "this Redis does not know the command EVALSHA",
        ),
        ("unknown subcommand 'slots'. Try CLUSTER HELP.", "this Redis does not know the command SLOTS"),
        (f"unknown command '{CANARY * 9}', with args", "Redis refused it, and gave no code"),
        (f"value {CANARY} is not an integer", "Redis refused it, and gave no code"),
        (f"CROSSSLOT Keys {CANARY} don't hash to the same slot", "Redis refused it (CROSSSLOT)"),
    ],
)
def test_arguments_of_a_command_are_not_repeated(text: str, reason: str) -> None:
    failure = classify(reply(text), OPTIONS, Timeouts())

    assert failure.reason == reason
    assert CANARY not in failure.reason + failure.remedy


@pytest.mark.parametrize("module", [replies, classifying])
def test_first_lines_are_short_and_texts_are_sentences(module: object) -> None:
    found = {one for one in vars(module).values() if isinstance(one, Failure)}
    found |= {one for table in vars(module).values() if isinstance(table, dict) for one in _failures(table)}
    assert found
    for failure in found:
        assert len(f"{LONGEST_ACTION} failed: {failure.reason}.") <= 100
        assert not failure.reason.endswith(".")
        assert failure.remedy.endswith(".")


def _failures(table: dict[object, object]) -> list[Failure]:
    return [one for one in table.values() if isinstance(one, Failure)]


def test_a_setting_is_named_by_where_it_stands() -> None:
    error = driver.AuthenticationError("Authentication required.")

    by_url = classify(error, RedisOptions(), Timeouts())
    by_connection = classify(error, RedisOptions(setting="redis_conn_id"), Timeouts())

    assert by_url.reason == "Redis wants a password, and the URL has none (NOAUTH)"
    assert by_url.remedy == "Write the password into [exclusive_redis_xcom] redis_url."
    assert by_connection.reason == "Redis wants a password, and the Airflow connection has none (NOAUTH)"
    assert by_connection.remedy == (
        "Write the password into the Airflow connection that [exclusive_redis_xcom] redis_conn_id names."
    )
    assert by_url.credentials
    assert not by_url.retry


def test_where_options_come_from_does_not_make_them_different() -> None:
    assert RedisOptions(setting="redis_conn_id") == RedisOptions()


def test_every_reason_in_the_code_is_short() -> None:
    """Reasons with a placeholder are written out here with their longest filling."""
    errors: list[Exception] = [
        reply("DB index is out of range"),
        reply("SELECT is not allowed in cluster mode"),
        driver.AuthenticationError("AUTH <password> called without any password configured for the default user."),
        driver.AuthenticationError("Authentication required."),
        driver.TimeoutError("Timeout reading from socket"),
        driver.ConnectionError("cut"),
        driver.DataError("x"),
    ]
    for error in errors:
        failure = classify(error, OPTIONS, Timeouts())
        assert len(f"{LONGEST_ACTION} failed: {failure.reason}.") <= 100
