"""Objects of classes: back only where Airflow's allow list permits, and then whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import ormsgpack
import pydantic
import pytest

from exclusive_redis_xcom.codec import XComNotImportable, encode
from exclusive_redis_xcom.codec.allowlist import load_class
from exclusive_redis_xcom.errors import CorruptValue, XComNotRebuilt
from tests.unit.codec import samples
from tests.unit.codec.samples import (
    Address,
    Bits,
    Color,
    Crate,
    Level,
    Numbers,
    Old,
    Outer,
    OwnProtocol,
    Pair,
    Person,
    Point,
    Positive,
    Sealed,
    Size,
    WithInitVar,
)
from tests.unit.codec.support import LIMIT, raw, read, round_trip, same

ROOT = Path(__file__).parents[3]


class TaskTimeout(BaseException):
    """As Airflow's `AirflowTaskTimeout`, which a signal raises anywhere."""


OBJECTS = [
    Point(1, Point((1, 2), {3: Sealed("a")})),
    Sealed("name"),
    Outer.Inner(5),
    Color.RED,
    Color.GREEN,
    Bits.A | Bits.B,
    Pair(1, Pair(2, (3,))),
    Old(1, [2]),
    Level.LOW,
    Size.BIG,
    Crate("label", inside=[Crate("inner", inside={1, 2})]),
    OwnProtocol({"1": (2, Point(1))}),
    Numbers([1, 2, 3]),
    Address(street="s", path=Path("/tmp/x")),  # noqa: S108 - a value, no file
]


@pytest.mark.usefixtures("allowed")
class TestAllowed:
    @pytest.mark.parametrize("value", OBJECTS, ids=lambda value: type(value).__name__)
    def test_an_object_comes_back_alone_nested_and_as_a_value_under_int_keys(self, value):
        assert same(round_trip(value), value)
        nested = {"a": [value], "b": (value,), "c": {1: value}}
        assert same(round_trip(nested), nested)

    @pytest.mark.parametrize("key", [Level.LOW, Size.BIG, Color.RED, Pair(1, 2), Sealed("k")], ids=repr)
    def test_an_object_comes_back_as_a_key(self, key):
        assert same(round_trip({key: 1}), {key: 1})

    def test_a_deep_chain_of_objects_comes_back(self):
        value = Point(0)
        for _ in range(100):
            value = Point(value)

        assert same(round_trip(value), value)

    def test_a_field_that_the_constructor_does_not_take_is_restored(self):
        crate = Crate("x")
        crate.weight = 99

        assert round_trip(crate).weight == 99

    def test_a_model_comes_back_with_aliases_extras_secrets_and_private_attributes(self):
        value = Person(
            fullName="n",
            address=Address(street="s", path=Path("p")),
            anything=(1, {2: Point(3)}),
            tags={"a"},
            password=pydantic.SecretStr("secret"),
            extra_field=b"bytes",
        )
        value._note = "note"

        found = round_trip([value])[0]

        assert found == value
        assert found._note == "note"
        assert found.extra_field == b"bytes"
        assert found.model_fields_set == value.model_fields_set
        assert same(found.anything, value.anything)

    def test_a_forged_object_meets_the_checks_of_its_class(self):
        encoded = encode(Positive(7), max_bytes=LIMIT)
        (payload,) = encoded.payload
        forged = payload.replace(b"\xa6number\x07", b"\xa6number\xff")
        assert forged != payload

        with pytest.raises(XComNotRebuilt) as caught:
            read(encoded, payload=forged)

        assert str(caught.value).splitlines() == [
            "Positive does not accept what was pushed of it (ValueError).",
            "The value in Redis is whole. The class tests.unit.codec.samples.Positive may differ from the pushing "
            "task's, or its own code fails.",
            "Let the class accept what was pushed, or clear the producing task.",
        ]

        assert "canary" not in str(caught.value)

    def test_an_object_of_a_newer_version_of_its_class_is_refused(self, monkeypatch):
        encoded = encode(Sealed("a"), max_bytes=LIMIT)
        monkeypatch.setattr(Sealed, "__version__", 1)

        with pytest.raises(XComNotRebuilt, match=r"^Sealed is older here \(1\) than where it was pushed \(2\)\.\n"):
            read(encoded)

    def test_a_dataclass_whose_constructor_wants_more_than_its_fields_is_a_typed_error(self):
        with pytest.raises(
            XComNotRebuilt, match=r"^WithInitVar does not accept what was pushed of it \(TypeError\)\.\n"
        ):
            round_trip(WithInitVar(1, 2))


class TestNotAllowed:
    def test_a_class_that_an_allowed_module_only_re_exports_is_refused(self, allow):
        allow("tests.unit.codec.samples.*")

        for name in ("pydantic.RootModel", "enum.Enum", "Path", "attr.define", "dataclass"):
            with pytest.raises(XComNotImportable):
                load_class(f"tests.unit.codec.samples.{name}")

    def test_an_interruption_of_the_task_is_not_taken_for_a_problem_of_the_value(self):
        class Slow:
            def serialize(self):
                raise TaskTimeout

        with pytest.raises(TaskTimeout):
            encode([(Slow(),)], max_bytes=LIMIT)

    @pytest.mark.parametrize(
        "value",
        [Point(1), Sealed("a"), Color.RED, Crate("x"), OwnProtocol(1), Address(street="s"), [{1: Point(1)}]],
        ids=lambda value: type(value).__name__,
    )
    def test_the_error_names_the_class_and_the_option(self, value):
        encoded = encode(value, max_bytes=LIMIT)

        with pytest.raises(ImportError) as caught:
            read(encoded)

        assert isinstance(caught.value, XComNotImportable)
        assert "tests.unit.codec.samples." in str(caught.value)
        assert "was not found in allow list for deserialization imports" in str(caught.value)
        assert "allowed_deserialization_classes" in str(caught.value)

    def test_a_namedtuple_is_pushed_as_a_tuple_as_airflow_does(self):
        assert same(round_trip([Pair(1, Old(2, 3))]), [(1, (2, 3))])

    def test_an_enum_of_str_or_int_is_pushed_as_its_value_as_airflow_does(self):
        assert same(round_trip([Level.LOW, Size.BIG, {Level.LOW: 1}]), ["low", 3, {"low": 1}])

    def test_the_regexp_option_allows_too(self, allow):
        allow(r"tests\.unit\.codec\.samples\.Po.nt", "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES_REGEXP")

        assert round_trip(Point(1)) == Point(1)

    @pytest.mark.parametrize("option", ["CLASSES", "CLASSES_REGEXP"])
    def test_a_list_that_airflow_cannot_read_allows_nothing_and_is_named(self, allow, option):
        encoded = encode(Point(1), max_bytes=LIMIT)
        allow("tests.*")
        assert read(encoded) == Point(1)
        allow("airflow.*")
        allow("*.samples.*", f"AIRFLOW__CORE__ALLOWED_DESERIALIZATION_{option}")

        for ask in (lambda: read(encoded), lambda: encode([Pair(1, 2)], max_bytes=LIMIT)):
            with pytest.raises(XComNotImportable) as caught:
                ask()
            assert str(caught.value).splitlines()[0] == "Airflow cannot read its own list of allowed classes."
            assert "allowed_deserialization_classes" in str(caught.value)

    def test_a_class_that_is_not_allowed_is_not_imported(self):
        code = """
from exclusive_redis_xcom.codec import XComNotImportable, decode
import ormsgpack, sys
tree = ormsgpack.packb(["antigravity.Flying", 0, {}, {}])
payload = ormsgpack.packb(ormsgpack.Ext(42, tree))
try:
    decode(payload, codec="msgpack", compression="off", decoded_size=len(payload), max_bytes=1000)
except XComNotImportable:
    sys.exit(3 if "antigravity" in sys.modules else 0)
sys.exit(4)
"""
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", [41, 42, 43, 44, 45])
def test_an_allowed_class_that_is_no_such_object_is_not_even_built(allow, code: int) -> None:
    """A producer names a class of its choice: Airflow allows all of its own."""
    allow("tests.*")
    tree = ["tests.unit.codec.samples.Tripwire", 0, {"folder": "chosen by the producer"}, {}][: 3 if code == 45 else 4]

    with pytest.raises((CorruptValue, XComNotRebuilt)):
        raw(ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(tree))))

    assert samples.Tripwire.built == []
