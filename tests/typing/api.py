"""What users' type checkers see of the public names. `make lint` checks this file with mypy; nothing runs it.

Each `type: ignore` stands where a wrong use must be an error: mypy reports one that it does not need.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from typing_extensions import assert_type

from exclusive_redis_xcom import (
    ConfigurationError,
    CorruptValue,
    ExclusiveRedisXCom,
    ExclusiveXComError,
    InvalidAcl,
    InvalidReference,
    StoreUnavailable,
    XComAccessDenied,
    XComAlreadyClaimed,
    XComExpired,
    XComMissing,
    XComNotImportable,
    XComNotRebuilt,
    XComNotSerializable,
    XComSealed,
    XComTooLarge,
    exclusive,
    fetch_all,
    pull,
)


class Token:
    """Stands for what a TaskFlow call returns."""


def exclusive_hands_through_what_it_was_given(token: Token, consumers: list[Token]) -> None:
    assert_type(exclusive(token, to="load"), Token)
    assert_type(exclusive(token, to=consumers, ttl=timedelta(hours=1), same_run=True, once=True), Token)
    assert_type(exclusive(exclusive(token, to="load"), to=["report", token], ttl=None), Token)


def exclusive_refuses(token: Token) -> None:
    exclusive(token)  # type: ignore[call-arg]
    exclusive(to="load")  # type: ignore[call-arg]
    exclusive(token, "load")  # type: ignore[call-arg]
    exclusive(token, to="load", ttl=3600)  # type: ignore[arg-type]
    exclusive(token, to="load", once="yes")  # type: ignore[arg-type]
    exclusive(token, to="load", same_run=None)  # type: ignore[arg-type]
    exclusive(token, to="load", consumers="report")  # type: ignore[call-arg]


def fetch_all_is_a_list_of_the_items(numbers: Iterable[int], lines: dict[str, int], anything: Any) -> None:
    assert_type(fetch_all(numbers), list[int])
    assert_type(fetch_all(lines), list[str])
    assert_type(fetch_all(anything), list[Any])
    assert_type(sum(fetch_all(range(3))), int)


def fetch_all_refuses() -> None:
    fetch_all()  # type: ignore[call-arg]
    fetch_all(3)  # type: ignore[arg-type]
    fetch_all([1], [2])  # type: ignore[call-arg]


def pull_takes_what_xcom_pull_takes() -> None:
    assert_type(pull("extract", key="token", required=True), Any)
    assert_type(pull(["extract", "load"], map_indexes=[0, 1], include_prior_dates=True), Any)
    assert_type(pull(dag_id="sales", run_id="run", map_indexes=None, default=3), Any)


def pull_refuses() -> None:
    pull("extract", "token")  # type: ignore[call-arg]
    pull("extract", key=None)  # type: ignore[arg-type]
    pull("extract", map_indexes="0")  # type: ignore[arg-type]
    pull("extract", required="yes")  # type: ignore[arg-type]


def every_error_is_ours() -> tuple[type[ExclusiveXComError], ...]:
    return (
        ConfigurationError,
        CorruptValue,
        InvalidAcl,
        InvalidReference,
        StoreUnavailable,
        XComAccessDenied,
        XComAlreadyClaimed,
        XComExpired,
        XComMissing,
        XComNotImportable,
        XComNotRebuilt,
        XComNotSerializable,
        XComSealed,
        XComTooLarge,
    )


def refusals_are_permission_errors() -> tuple[type[XComAccessDenied], ...]:
    permission: type[PermissionError] = XComAccessDenied
    assert_type(permission, type[PermissionError])
    return (XComAlreadyClaimed, XComSealed)


def each_error_is_the_builtin_that_fits() -> None:
    _lookup: tuple[type[LookupError], ...] = (XComExpired, XComMissing)
    _connection: type[ConnectionError] = StoreUnavailable
    _importing: type[ImportError] = XComNotImportable
    _of_type: type[TypeError] = XComNotSerializable
    _of_value: tuple[type[ValueError], ...] = (
        ConfigurationError,
        CorruptValue,
        InvalidAcl,
        InvalidReference,
        XComTooLarge,
    )


def no_error_is_another_one() -> None:
    _expired: type[PermissionError] = XComExpired  # type: ignore[assignment]
    _denied: type[LookupError] = XComAccessDenied  # type: ignore[assignment]
    _gone: type[XComExpired] = StoreUnavailable  # type: ignore[assignment]


def an_error_carries_its_message_and_nothing_else(error: ExclusiveXComError) -> None:
    assert_type(str(error), str)
    assert_type(error.args, tuple[Any, ...])
    error.value  # type: ignore[attr-defined]  # noqa: B018 - no error carries a value
    error.coordinate  # type: ignore[attr-defined]  # noqa: B018 - as above


def the_backend_pulls_and_pushes(address: dict[str, Any]) -> None:
    assert_type(ExclusiveRedisXCom.get_one(key="token", **address), Any | None)
    assert_type(ExclusiveRedisXCom.get_all(key="token", **address), list[Any] | None)
    assert_type(ExclusiveRedisXCom.serialize_value({"a": 1}, key="token"), Any)
    ExclusiveRedisXCom.delete("token", "extract", "sales", "run", -1)


async def the_backend_waits_for_coroutines(address: dict[str, Any]) -> None:
    assert_type(await ExclusiveRedisXCom.aget_one(key="token", **address), Any | None)
    assert_type(await ExclusiveRedisXCom.aget_all(key="token", **address), list[Any] | None)
    await ExclusiveRedisXCom.aset("token", 1, dag_id="sales", task_id="extract", run_id="run")


async def the_backend_refuses() -> None:
    ExclusiveRedisXCom.get_one("token")  # type: ignore[call-arg]
    ExclusiveRedisXCom.delete("token")  # type: ignore[call-arg]
    ExclusiveRedisXCom.delete("token", "extract", "sales", "run", "1")  # type: ignore[arg-type]
    ExclusiveRedisXCom.serialize_value(1, "token")  # type: ignore[call-arg]
    await ExclusiveRedisXCom.aset("token", 1, dag_id="sales", task_id="extract")  # type: ignore[call-arg]
