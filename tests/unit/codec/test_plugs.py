"""Plugs of third parties: how they are found, what they may carry, and what goes wrong."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import ormsgpack
import pytest

from exclusive_redis_xcom.codec import XComNotImportable, encode, plugs, register
from exclusive_redis_xcom.errors import CorruptValue, XComNotRebuilt, XComNotSerializable
from tests.unit.codec import samples
from tests.unit.codec.samples import Frozen, Growing, Loose, Reading
from tests.unit.codec.support import LIMIT, raw, read, round_trip, same

ROOT = Path(__file__).parents[3]
THIRD_PARTY = Path(__file__).parent / "third_party"
HERE = "tests.unit.codec.samples"


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    for package in plugs.BUILT_IN:  # They register once, when they are imported.
        importlib.import_module(plugs.BUILT_IN[package])
    for name in ("_by_name", "_by_type"):
        monkeypatch.setattr(plugs, name, dict(getattr(plugs, name)))
    monkeypatch.setattr(plugs, "_looked_up", set())


@pytest.fixture
def acme(monkeypatch):
    """The library of the third party, with its plug imported as a DAG file would."""
    monkeypatch.syspath_prepend(str(THIRD_PARTY))
    for name in [name for name in sys.modules if name.partition(".")[0] in ("acme", "acme_xcom")]:
        monkeypatch.delitem(sys.modules, name)
    plug = importlib.import_module("acme_xcom")
    yield importlib.import_module("acme.linalg"), plug
    for name in [name for name in sys.modules if name.partition(".")[0] in ("acme", "acme_xcom")]:
        monkeypatch.delitem(sys.modules, name)


def forged(name: Any, version: Any, parts: Any) -> bytes:
    return ormsgpack.packb(ormsgpack.Ext(47, ormsgpack.packb([name, version, parts])))


def test_the_docs_show_this_plug():
    docs = (ROOT / "docs/reference/values.md").read_text()
    example = (THIRD_PARTY / "acme_xcom.py").read_text().partition('"""\n\n')[2]

    assert f"```python\n{example}```" in docs


def test_an_object_comes_back(acme):
    library, _ = acme
    value = library.Matrix([[1.0, 2.0]], "s")

    assert round_trip(value) == value
    assert round_trip({"a": [value, (value,)], 2: {value}}) == {"a": [value, (value,)], 2: {value}}


def test_a_payload_holds_the_name_and_the_version(acme):
    library, _ = acme

    (payload,) = encode(library.Matrix([], "s"), max_bytes=LIMIT).payload

    assert payload == forged("acme.matrix", 2, {"rows": [], "unit": "s"})


def test_an_older_version_is_handed_to_the_plug(acme):
    library, _ = acme

    assert raw(forged("acme.matrix", 1, {"rows": [[1.0]]})) == library.Matrix([[1.0]], "m")


def test_a_newer_version_is_refused(acme):
    with pytest.raises(XComNotRebuilt) as caught:
        raw(forged("acme.matrix", 3, {}))

    assert str(caught.value).splitlines() == [
        "The plug 'acme.matrix' is older here (2) than where it pushed (3).",
        "Bring the same code to both workers, then clear the pulling task.",
    ]


def test_a_failure_of_decode_does_not_show_the_value(acme):
    with pytest.raises(XComNotRebuilt) as caught:
        raw(forged("acme.matrix", 2, {"rows": [], "unit": "4711"}))

    assert caught.value.__context__ is None
    assert str(caught.value).splitlines() == [
        "The plug 'acme.matrix' cannot rebuild the value (ValueError).",
        "Its function acme_xcom.decode fails with what was pushed.",
        "Bring the same code and the same library to both workers, or clear the producing task.",
    ]


def test_a_refusal_of_encode_is_worded_with_the_path(acme):
    library, _ = acme
    value = library.Matrix([], "s")
    value.file = "open"

    with pytest.raises(XComNotSerializable) as caught:
        encode({"a": value}, max_bytes=LIMIT)

    assert str(caught.value).splitlines() == [
        "['a'] of type Matrix cannot be carried.",
        "Its type is acme.linalg.Matrix. Its rows lie in an open file.",
        "Push matrix.copy().",
    ]


def test_a_failure_of_encode_does_not_show_the_value(acme):
    library, _ = acme
    value = library.Matrix([], "s")
    del value.rows

    with pytest.raises(XComNotSerializable) as caught:
        encode([value], max_bytes=LIMIT)

    assert str(caught.value).splitlines() == [
        "[0] of type Matrix cannot be carried.",
        "Its type is acme.linalg.Matrix. It could not be taken apart (AttributeError).",
        "Mend its class, or push built-in types.",
    ]


def test_what_lies_in_an_object_is_named_by_its_path(acme):
    library, _ = acme

    with pytest.raises(XComNotSerializable) as caught:
        encode([library.Matrix([[object()]], "s")], max_bytes=LIMIT)

    assert str(caught.value).splitlines()[0] == "[0].rows[0][0] of type object cannot be carried."


def test_an_object_that_contains_itself_is_refused(acme):
    library, _ = acme
    value = library.Matrix([], "s")
    value.rows.append(value)

    with pytest.raises(XComNotSerializable, match="It contains itself"):
        encode(value, max_bytes=LIMIT)


def test_a_subclass_is_not_carried_unless_the_plug_says_so(acme):
    library, plug = acme

    with pytest.raises(XComNotSerializable):
        encode(library.Square([], "s"), max_bytes=LIMIT)

    register("acme.matrix", library.Matrix, encode=plug.encode, decode=plug.decode, version=2, subclasses=True)
    assert type(round_trip(library.Square([], "s"))) is library.Matrix


def test_a_class_that_bears_the_name_of_another_is_not_carried(acme):
    fake = type("Matrix", (), {"__module__": "acme.linalg", "rows": [], "unit": "s"})

    with pytest.raises(XComNotSerializable):
        encode(fake(), max_bytes=LIMIT)


def test_types_may_be_names(acme):
    library, plug = acme
    register("acme.square", "acme.linalg.Square", encode=plug.encode, decode=lambda parts, _: library.Square(**parts))

    assert round_trip(library.Square([[1.0]], "s")) == library.Square([[1.0]], "s")


@pytest.mark.parametrize(
    ("name", "version", "parts"),
    [
        ("acme", 1, {}),
        ("", 1, {}),
        (7, 1, {}),
        ("a" * 600 + ".b", 1, {}),
        ("acme.matrix\n", 1, {}),
        ("../acme.matrix", 1, {}),
        ("acme.matrix", "1", {}),
        ("acme.matrix", True, {}),
        ("acme.matrix", 0, {}),
        ("acme.matrix", -1, {}),
    ],
)
def test_a_forged_name_or_version_is_refused(acme, name, version, parts):
    with pytest.raises(CorruptValue):
        raw(forged(name, version, parts))


def test_a_forged_name_imports_nothing(monkeypatch):
    monkeypatch.syspath_prepend(str(THIRD_PARTY))
    before = set(sys.modules)

    for name in ("acme_xcom.matrix", "acme.matrix", "os.system", "antigravity.x", "this.x"):
        with pytest.raises(XComNotImportable):
            raw(forged(name, 1, {}))

    assert {name.partition(".")[0] for name in set(sys.modules) - before} <= {"importlib"}


def test_a_plug_that_is_missing_is_named_with_the_remedy():
    with pytest.raises(XComNotImportable) as caught:
        raw(forged("acme.matrix", 1, {}))

    assert str(caught.value).splitlines() == [
        "The value needs the codec plug 'acme.matrix', which is not here.",
        "No entry point of group exclusive_redis_xcom.codec and no imported module has registered it.",
        "Install the package that registers it on this worker, or register it in the pulling task's DAG file.",
    ]


class TestRegister:
    def test_a_module_that_runs_again_registers_again(self, acme):
        library, plug = acme

        importlib.reload(plug)

        assert round_trip(library.Matrix([], "s")) == library.Matrix([], "s")

    def test_two_plugs_of_one_name_are_refused(self, acme):
        library, _ = acme

        with pytest.raises(ValueError, match=r"'acme\.matrix' is registered already") as caught:
            register("acme.matrix", library.Square, encode=vars, decode=lambda parts, _: parts)

        assert str(caught.value).splitlines() == [
            "The plug 'acme.matrix' is registered already.",
            "The function acme_xcom.encode belongs to it. Give your plug another name and other classes.",
        ]

    def test_two_plugs_of_one_class_are_refused(self, acme):
        library, _ = acme

        with pytest.raises(ValueError, match="is registered already"):
            register("acme.other", library.Matrix, encode=lambda value: 1, decode=lambda parts, _: parts)

    def test_a_plug_of_this_package_is_not_replaced(self):
        pytest.importorskip("PIL", reason="Pillow is not installed here")

        for name, types in (("PIL.image", "PIL.Other.Image"), ("PIL.other", "PIL.Image.Image")):
            with pytest.raises(ValueError, match=r"^The plug 'PIL\.image' is registered already"):
                register(name, types, encode=lambda value: 1, decode=lambda parts, _: parts)

    @pytest.mark.parametrize("name", ["matrix", "acme.", ".matrix", "acme matrix", "acme.m-x", "a" * 200 + ".b"])
    def test_a_wrong_name_is_refused(self, name):
        with pytest.raises(ValueError, match="is not the name of a plug"):
            register(name, "acme.Matrix", encode=vars, decode=lambda parts, _: parts)

    def test_a_name_of_another_package_is_refused(self):
        with pytest.raises(ValueError, match="must be the package of its classes") as caught:
            register("mine.matrix", "acme.linalg.Matrix", encode=vars, decode=lambda parts, _: parts)

        assert "Name it 'acme.matrix'." in str(caught.value)

    @pytest.mark.parametrize("version", [0, -1, "1", True])
    def test_a_wrong_version_is_refused(self, version):
        with pytest.raises(ValueError, match="is not a number from 1 up"):
            register("acme.x", "acme.X", encode=vars, decode=lambda parts, _: parts, version=version)

    def test_a_plug_without_types_is_refused(self):
        with pytest.raises(ValueError, match="has no types"):
            register("acme.x", [], encode=vars, decode=lambda parts, _: parts)

    @pytest.mark.parametrize("base", [int, float, str, list, dict])
    def test_a_subclass_of_a_builtin_type_is_refused(self, base):
        cls = type("Mine", (base,), {"__module__": "acme.linalg"})

        with pytest.raises(ValueError, match="would never be asked"):
            register("acme.x", cls, encode=vars, decode=lambda parts, _: parts)


USE = """
import sys
from acme.linalg import Matrix
import exclusive_redis_xcom.codec as c
value = Matrix([[1.0]], "s")
assert "acme_xcom" not in sys.modules
encoded = c.encode([value], max_bytes=10_000)
assert "acme_xcom" in sys.modules
assert c.decode(encoded.payload[0], codec="msgpack", compression="off", decoded_size=encoded.decoded_size,
                max_bytes=10_000) == [value]
"""
PULL = """
import sys
import exclusive_redis_xcom.codec as c
data = {payload!r}
try:
    value = c.decode(data, codec="msgpack", compression="off", decoded_size=len(data), max_bytes=10_000)
except c.XComNotImportable as error:
    print(error)
else:
    print(type(value).__name__, value.rows)
"""


def run(code: str, path: Path) -> list[str]:
    environment = {"PYTHONPATH": f"{ROOT}:{THIRD_PARTY}:{path}"}
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().splitlines()


@pytest.fixture
def installed(tmp_path):
    """The metadata that `pip install acme-xcom` would write."""

    def install(value: str = "acme_xcom") -> Path:
        folder = tmp_path / "acme_xcom-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-xcom\nVersion: 1\n")
        (folder / "entry_points.txt").write_text(f"[exclusive_redis_xcom.codec]\nacme = {value}\n")
        found: Path = tmp_path
        return found

    return install


class TestEntryPoint:
    def test_it_is_loaded_at_the_push_of_a_type_of_its_package(self, installed):
        run(USE, installed())

    def test_it_is_loaded_at_the_pull(self, installed):
        payload = forged("acme.matrix", 2, {"rows": [[1.0]], "unit": "s"})

        assert run(PULL.format(payload=payload), installed()) == ["Matrix [[1.0]]"]

    def test_one_that_fails_is_named(self, installed):
        payload = forged("acme.matrix", 2, {"rows": [[1.0]], "unit": "s"})

        assert run(PULL.format(payload=payload), installed("acme_no_such_module")) == [
            "The codec plugs of acme cannot be loaded (ModuleNotFoundError).",
            "The entry point acme_no_such_module of group exclusive_redis_xcom.codec fails here.",
            "Mend or reinstall the package that has it.",
        ]

    def test_plain_values_read_no_entry_points(self, installed):
        run(
            'import sys\nimport exclusive_redis_xcom.codec as c\nc.encode([{1: (2, {3})}, "x"], max_bytes=999)\n'
            'assert "importlib.metadata" not in sys.modules',
            installed(),
        )


@pytest.mark.usefixtures("allowed")
class TestStructsOfMsgspec:
    @pytest.mark.parametrize(
        "value",
        [
            Reading("a", (1, {2: 3})),
            Reading("a", unit="m"),
            Frozen(inner=Reading("b", Reading("c"))),
            Loose(1),
        ],
        ids=repr,
    )
    def test_it_comes_back(self, value):
        for found in (round_trip(value), round_trip({"a": [value]})["a"][0]):
            assert found == value
            assert type(found) is type(value)
        assert same(getattr(round_trip(value), "value", None), getattr(value, "value", None))

    def test_a_class_that_changes_its_own_fields_is_an_error_at_the_pull(self):
        with pytest.raises(XComNotRebuilt, match=r"^Growing changes what was pushed of it \(field size\)\.\n"):
            round_trip({"a": Growing(1)})

    def test_a_class_that_is_not_allowed_is_refused_at_the_pull(self, allow):
        encoded = encode(Reading("a"), max_bytes=LIMIT)
        allow("airflow.*")

        with pytest.raises(XComNotImportable) as caught:
            read(encoded)

        assert str(caught.value).splitlines() == [
            "The class Reading of the value is not allowed here.",
            f"{HERE}.Reading was not found in allow list for deserialization imports.",
            "Add it to allowed_deserialization_classes in [core] of Airflow's configuration on the pulling worker.",
        ]

    def test_a_class_that_is_gone_gives_a_dict(self, monkeypatch):
        encoded = encode([Reading("a", 1)], max_bytes=LIMIT)
        monkeypatch.delattr(samples, "Reading")
        monkeypatch.setattr("exclusive_redis_xcom.codec.allowlist._gone", set())

        assert read(encoded) == [{"name": "a", "value": 1}]

    def test_a_class_made_at_run_time_is_refused(self):
        made = msgspec.defstruct("Made", [("x", int)])

        with pytest.raises(XComNotSerializable) as caught:
            encode({"a": made(1)}, max_bytes=LIMIT)

        assert str(caught.value).splitlines()[1:] == [
            f"Its type is {made.__module__}.Made. Its class was made at run time, so no other task can find it.",
            "Push msgspec.to_builtins(value), or define the class in a module.",
        ]

    def test_attributes_beside_the_fields_are_named(self, caplog, monkeypatch):
        monkeypatch.setattr("exclusive_redis_xcom.codec.extras._noted", set())
        value = Loose(1)
        value.note = "n"

        with caplog.at_level(logging.WARNING, "exclusive_redis_xcom"):
            encode(value, max_bytes=LIMIT)

        (record,) = caplog.records
        assert record.getMessage() == (
            f"Objects of {HERE}.Loose are carried without: note. Only fields of a Struct are carried."
        )

    def test_a_class_that_does_not_accept_the_fields_is_a_typed_error(self):
        parts = {"class": f"{HERE}.Reading", "fields": {"other": 1}, "unset": []}

        with pytest.raises(XComNotRebuilt, match=r"^Reading does not accept what was pushed of it \(TypeError\)\.\n"):
            raw(forged("msgspec.struct", 1, parts))

    @pytest.mark.parametrize("name", [f"{HERE}.Point", f"{HERE}.Tripwire", "os.system", 7])
    def test_a_forged_class_is_not_called(self, name):
        parts = {"class": name, "fields": {"x": 1}, "unset": []}

        with pytest.raises((XComNotRebuilt, XComNotImportable, CorruptValue)):
            raw(forged("msgspec.struct", 1, parts))

        assert not samples.Tripwire.built
