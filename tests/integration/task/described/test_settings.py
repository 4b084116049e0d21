"""Which pushes are described, by the setting `describe`, the rule and the encryption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis

from exclusive_redis_xcom import ConfigurationError
from exclusive_redis_xcom.crypto import generate_encryption_key
from exclusive_redis_xcom.model import Description
from exclusive_redis_xcom.settings import load_settings
from tests.integration.task.described.conftest import Told
from tests.integration.task.played_ring import PUBLIC_TEXT
from tests.integration.task.sales import hash_of, pull, push

VALUE = {"password_of_ann": "s3cret-7f3a"}
TOLD = Description("dict", (1,), keys=("password_of_ann",))
ENCRYPTED = {"encryption_keys": generate_encryption_key()}
SEALED = {"enforcement": "server", "seal_public_key": PUBLIC_TEXT}


@pytest.mark.parametrize(
    ("options", "key", "expected"),
    [
        ({}, "open", TOLD),
        ({}, "token", None),
        ({}, "once", None),
        ({"mode": "report"}, "token", None),
        (ENCRYPTED, "open", None),
        (ENCRYPTED, "token", None),
        (SEALED, "open", None),
        (SEALED, "token", None),
        ({**SEALED, "seal": "restricted"}, "open", TOLD),
        ({**SEALED, "seal": "restricted"}, "token", None),
        ({**SEALED, **ENCRYPTED, "seal": "restricted"}, "open", None),
        ({"describe": "all"}, "open", TOLD),
        ({"describe": "all"}, "token", TOLD),
        ({"describe": "all", **ENCRYPTED}, "token", TOLD),
        ({"describe": "all", **SEALED}, "token", TOLD),
        ({"describe": "off"}, "open", None),
        ({"describe": "off"}, "token", None),
    ],
)
def test_what_is_told(
    dag: Any,
    told: Told,
    raw: redis.Redis,
    configure: Callable[..., None],
    options: dict[str, str],
    key: str,
    expected: Description | None,
) -> None:
    configure(**options)

    push(dag, VALUE, key)

    assert told(key) == {-1: expected}
    fields: dict[Any, Any] = raw.hgetall(hash_of(key))
    envelope = fields.pop(b"-1")
    beside = b"".join(fields.values()) + envelope[: int.from_bytes(envelope[4:6], "big")]
    assert (b"password_of_ann" in beside) is (expected is not None)
    assert b"s3cret-7f3a" not in beside


def test_an_encrypted_value_tells_no_name_in_any_field(
    dag: Any, raw: redis.Redis, configure: Callable[..., None]
) -> None:
    configure(**ENCRYPTED)

    push(dag, VALUE, "open")

    fields: dict[Any, Any] = raw.hgetall(hash_of("open"))
    assert b"password_of_ann" not in b"".join(fields.values())


def test_a_copy_of_restricted_outputs_is_not_described(dag: Any, told: Told) -> None:
    push(dag, {"token": 1, "count": 2}, "return_value", task_id="outputs")
    assert told("return_value") == {-1: None}

    push(dag, {"count": 2}, "return_value", task_id="outputs")
    assert told("return_value") == {-1: Description("dict", (1,), keys=("count",))}


@pytest.mark.parametrize("value", [1, None, True, 1.5, "text", b"bytes"])
def test_a_small_value_gains_no_field(dag: Any, raw: redis.Redis, value: Any) -> None:
    push(dag, value, "open")

    assert set(raw.hkeys(hash_of("open"))) == {b"acl", b"-1", b"-1:committed"}


def test_mapped_results_and_pushes_anew(dag: Any, told: Told) -> None:
    for index in range(2):
        push(dag, [index], "open", index)
    push(dag, (1, 2), "open", 1)
    push(dag, 7, "open", 2)

    assert told() == {
        0: Description("list", (1,), items="int"),
        1: Description("tuple", (2,), items="int"),
        2: None,
    }
    assert pull(dag, "load", "open", 1) == (1, 2)


def test_an_object_in_object_storage_is_described(
    dag: Any, told: Told, tmp_path: Any, configure: Callable[..., None]
) -> None:
    configure(spill_path=f"file://{tmp_path}", spill_threshold_bytes="1000", compression="off")

    push(dag, ["x" * 100] * 100, "open")

    assert told() == {-1: Description("list", (100,), items="str")}


def test_another_word_is_refused(configure: Callable[..., None]) -> None:
    configure(describe="names")

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    assert str(caught.value).splitlines()[:2] == [
        "[exclusive_redis_xcom] describe: 'names' is not accepted.",
        "The option takes open, all or off.",
    ]
