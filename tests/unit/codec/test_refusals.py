"""What cannot be carried is refused with a text that tells where and why, and never shows the value."""

from __future__ import annotations

import copy
import pickle

import pytest

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import XComNotSerializable, XComTooLarge
from tests.unit.codec.samples import Explosive, Opaque
from tests.unit.codec.support import LIMIT


def refusal(value: object) -> str:
    with pytest.raises(XComNotSerializable) as caught:
        encode(value, max_bytes=LIMIT)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


def test_an_object_of_an_unknown_class_is_refused_with_its_type_and_position():
    text = refusal({"canary-key": [1, (2, Opaque())]})

    assert text == (
        "A part of the value has the type tests.unit.codec.samples.Opaque. Neither this package nor Airflow can carry "
        "it. The part is child 2 of a dict > child 2 of a list > child 2 of a tuple. (A dict's children are key, "
        "value, key, value...) Return built-in types, or give the class a serialize() method and a deserialize(data, "
        "version) staticmethod, or make it a dataclass."
    )


def test_an_exception_of_the_authors_code_is_not_quoted():
    text = refusal({"a": Explosive()})

    assert "It could not be taken apart (" in text
    assert "canary" not in text


@pytest.mark.parametrize(
    "value", [Opaque, memoryview(b"x"), [memoryview(b"x")], object(), lambda: 1, iter([1]), 1j, ...]
)
def test_what_airflow_cannot_carry_is_refused(value):
    assert "Neither this package nor Airflow can carry it." in refusal(value)


def cycle_of_lists():
    value = [1]
    value.append(value)
    return value


def cycle_of_dicts():
    value = {"a": {}}
    value["a"]["b"] = (1, [value])
    return value


@pytest.mark.parametrize("make", [cycle_of_lists, cycle_of_dicts])
def test_a_value_that_contains_itself_is_refused(make):
    assert "contains itself" in refusal(make())


def test_absurd_depth_is_refused() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]

    assert "nested more than 2000" in refusal(value)


@pytest.mark.parametrize("value", ["x" * 100, b"x" * 100, ["x" * 100], {1: "x" * 100}])
def test_a_value_over_the_limit_is_refused_with_size_limit_and_option(value):
    with pytest.raises(XComTooLarge) as caught:
        encode(value, max_bytes=50)

    assert str(caught.value).startswith("The value takes ")
    assert "(encoded, uncompressed), more than the limit of 50 bytes." in str(caught.value)
    assert "[exclusive_redis_xcom] max_value_bytes" in str(caught.value)
    assert "xxx" not in str(caught.value)


def test_a_value_of_exactly_the_limit_is_carried():
    assert encode("x" * 50, max_bytes=50).decoded_size == 50


def test_the_repr_of_an_encoded_value_hides_it():
    assert "canary" not in repr(encode("canary", max_bytes=50))


def test_the_errors_survive_pickle_and_copy():
    with pytest.raises(XComNotSerializable) as caught:
        encode(Opaque(), max_bytes=50)

    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert str(again) == str(copy.copy(caught.value)) == str(caught.value)


@pytest.mark.parametrize(
    ("value", "name"),
    [({}, "dict"), ("x", "str"), (None, "NoneType"), (Opaque, None)],
)
def test_the_type_is_named(value, name):
    if name is not None:
        assert encode(value, max_bytes=50).type_name == name
