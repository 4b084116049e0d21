"""What cannot be carried is refused with a text that tells where and why, and never shows the value."""

from __future__ import annotations

import copy
import io
import pickle
import re
import threading
from collections import OrderedDict, defaultdict, deque

import pandas as pd
import pytest

from exclusive_redis_xcom.codec import encode
from exclusive_redis_xcom.errors import XComNotSerializable, XComTooLarge
from tests.unit.codec.samples import Address, Crate, Explosive, Old, Opaque, Pair, Person, Point
from tests.unit.codec.support import LIMIT, round_trip

np = pytest.importorskip("numpy")


def refusal(value: object) -> str:
    with pytest.raises(XComNotSerializable) as caught:
        encode(value, max_bytes=LIMIT)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


NEITHER = "Neither this package nor Airflow can carry it."
REMEDY = (
    "Return built-in types, make its class a dataclass, give it serialize() and deserialize(data, version), or "
    "register a plug (exclusive_redis_xcom.codec.register)."
)


def test_an_object_of_an_unknown_class_is_refused_with_its_path_and_type():
    text = refusal({"key": [1, (2, Opaque())]})

    assert text.splitlines() == [
        "['key'][1][1] of type Opaque cannot be carried.",
        f"Its type is tests.unit.codec.samples.Opaque. {NEITHER}",
        REMEDY,
    ]


def test_a_whole_value_has_no_path():
    assert refusal(Opaque()).splitlines()[0] == "The value of type Opaque cannot be carried."


def test_an_exception_of_the_authors_code_is_not_quoted():
    text = refusal({"a": Explosive()})

    assert text.splitlines() == [
        "['a'] of type Explosive cannot be carried.",
        "Its type is tests.unit.codec.samples.Explosive. It could not be taken apart (RuntimeError).",
        "Mend its class, or push built-in types.",
    ]


def generator():
    yield 1


async def coroutine():
    return 1


def running(make):
    """A coroutine that is closed again, so that Python does not warn."""
    made = make()
    made.close()
    return made


LIST = "Push a list of them: list(...)."
ITEMS = "It makes its items only when they are asked for."
VIEW = "It is a view of other data."
LOCAL = "It belongs to the process that made it."
OWN = "Leave it out, and let the task that needs one make its own."
CODE = "It is code, and code is never pushed."
NAME = "Push its name, and let the next task import it."

ADVICE = [
    (generator, "generator", "generator", ITEMS, LIST),
    (lambda: iter([1]), "list_iterator", "list_iterator", ITEMS, LIST),
    (lambda: map(str, [1]), "map", "map", ITEMS, LIST),
    (lambda: zip([1], strict=True), "zip", "zip", ITEMS, LIST),
    ({}.keys, "dict_keys", "dict_keys", VIEW, "Push a list of its items: list(...)."),
    ({}.values, "dict_values", "dict_values", VIEW, "Push a list of its items: list(...)."),
    (lambda: range(3), "range", "range", VIEW, "Push a list of its items: list(...)."),
    (lambda: memoryview(b"x"), "memoryview", "memoryview", VIEW, "Push a copy of its bytes: bytes(...)."),
    (lambda: 1j, "complex", "complex", NEITHER, "Push [value.real, value.imag]."),
    (lambda: running(coroutine), "coroutine", "coroutine", "It has not run yet.", "Await it, and push its result."),
    (threading.Lock, "lock", "_thread.lock", LOCAL, OWN),
    (threading.RLock, "RLock", "_thread.RLock", LOCAL, OWN),
    (threading.Event, "Event", "threading.Event", LOCAL, OWN),
    (lambda: len, "builtin_function_or_method", "builtin_function_or_method", CODE, NAME),
    (lambda: Opaque, "type", "type", CODE, NAME),
    (lambda: threading, "module", "module", CODE, NAME),
    (
        lambda: io.BytesIO(b"x"),
        "BytesIO",
        "_io.BytesIO",
        "It is an open file.",
        "Push its path, or what read() returns.",
    ),
    (object, "object", "object", NEITHER, REMEDY),
    (lambda: ..., "ellipsis", "ellipsis", NEITHER, REMEDY),
]


@pytest.mark.parametrize(("make", "what", "name", "why", "remedy"), ADVICE, ids=[row[1] for row in ADVICE])
def test_what_cannot_be_carried_is_refused_with_its_path_and_a_remedy(make, what, name, why, remedy):
    value = make()

    for path, whole in (("The value", value), ("['lock']", {"lock": value}), ("[0][1]", [(1, value)])):
        assert refusal(whole).splitlines() == [
            f"{path} of type {what} cannot be carried.",
            f"Its type is {name}. {why}",
            remedy,
        ]


def test_a_lazy_frame_is_refused_with_the_remedy():
    polars = pytest.importorskip("polars", reason="polars is not installed here")

    assert refusal({"q": polars.LazyFrame({"a": [1]})}).splitlines() == [
        "['q'] of type LazyFrame cannot be carried.",
        "Its type is polars.lazyframe.frame.LazyFrame. It is a query, not its result.",
        "Push its result: collect() it.",
    ]


def table(columns, **more):
    return pd.DataFrame(columns, **more)


BAD = Opaque()
PATHS = [
    ([BAD], "[0]"),
    ({"a": {"b": (1, [BAD])}}, "['a']['b'][1][0]"),
    ({"a": [0, 1, 2, Point(BAD)]}, "['a'][3].x"),
    (Point(Point(1, y=[BAD])), ".x.y[0]"),
    (Crate("a", inside=BAD), ".inside"),
    (Person(fullName="a", address=Address(street="s"), anything=[BAD]), ".anything[0]"),
    (Person(fullName="a", address=Address(street="s"), AKIA0EXAMPLE=[BAD]), "[...][0]"),  # no field of the class
    (Pair(1, {"k": BAD}), ".right['k']"),
    (Old([BAD], 1), ".a[0]"),
    ({1: {None: {True: BAD}}}, "[1][None][True]"),
    ({20_000: BAD}, "[...]"),
    ({"a" * 50: BAD}, "[...]"),
    ({"token-4711": BAD}, "[...]"),
    ({"sk_live_51H": BAD}, "[...]"),
    ({"a b-c.d_e9": BAD}, "['a b-c.d_e9']"),
    ({(1, 2): BAD}, "[...]"),
    ({1, frozenset({BAD})}, "{...}{...}"),
    (deque([1, [BAD]], maxlen=5), "[1][0]"),
    (defaultdict(list, {"a": [BAD]}), "['a'][0]"),
    (OrderedDict(a=1, b=BAD), "['b']"),
    ([(1, 2), (3, 4), (5, 6), (7, BAD)], "[3][1]"),
    (np.array([[1, None], [BAD, 2]], dtype=object), "[1, 0]"),
    (table({"n": [1, 2], "bad": [1, BAD]}), "['bad'][1]"),
    ([table({"n": [1]}, index=[BAD])], "[0].index.values[0]"),
    (table({("a", 1): [BAD]}), "[...][0]"),
    (pd.Series([1, BAD]), ".values[1]"),
]


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(("value", "path"), PATHS, ids=[row[1] for row in PATHS])
def test_the_path_leads_to_what_is_not_carried(value, path):
    assert refusal(value).splitlines()[0] == f"{path} of type Opaque cannot be carried."


def test_the_path_leads_to_an_attribute_of_a_frame():
    value = table({"n": [1]})
    value.attrs["k"] = BAD

    assert refusal([value]).splitlines()[0] == "[0].attrs['k'] of type Opaque cannot be carried."


def test_a_long_path_follows_below():
    value = {"customers": [{"addresses": {"primary address": [BAD]}}]}

    assert refusal(value).splitlines()[:2] == [
        "...['primary address'][0] of type Opaque cannot be carried.",
        "It lies at ['customers'][0]['addresses']['primary address'][0].",
    ]


@pytest.mark.parametrize("depth", [1, 5, 100])
def test_the_first_line_stays_short(depth):
    value: object = type("AClassWithAVeryLongNameThatNobodyWouldReadToItsEnd", (), {})()
    for _ in range(depth):
        value = {"a key with some words in it": [value]}

    first, *more = refusal(value).splitlines()

    assert len(first) <= 100
    assert all(len(line) < 1500 for line in more)


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
    what, path = ("list", "[1]") if make is cycle_of_lists else ("dict", "['a']['b'][1][0]")

    assert refusal(make()).splitlines() == [
        f"{path} of type {what} cannot be carried.",
        f"Its type is {what}. It contains itself.",
        "Push a value without cycles.",
    ]


def test_absurd_depth_is_refused() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]

    assert refusal(value).splitlines()[-2:] == [
        "Its type is list. It is nested more than 2000 levels deep.",
        "Push a flatter value.",
    ]


@pytest.mark.parametrize("value", ["x" * 100, b"x" * 100, ["x" * 100], {1: "x" * 100}])
def test_a_value_over_the_limit_is_refused_with_size_limit_and_option(value):
    with pytest.raises(XComTooLarge) as caught:
        encode(value, max_bytes=50)

    size, *more = str(caught.value).splitlines()
    assert re.fullmatch(r"The value takes 10\d bytes, and the limit is 50\.", size)
    assert more == [
        "This is the size of the encoded value, before compression.",
        "Raise [exclusive_redis_xcom] max_value_bytes, or store the data elsewhere and push its path.",
    ]


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


class WithOwnBytes:
    """Like the bitmaps and sketches of some libraries: its protocol has the names of Airflow's, and no version."""

    def serialize(self):
        return b"x"

    @classmethod
    def deserialize(cls, data):
        return cls()


class WithOwnText:
    """Like the records of pyrsistent and the graphs of rdflib, which are written, and not read by that name."""

    def serialize(self, format=None):
        return "x"


@pytest.mark.parametrize("value", [WithOwnBytes(), WithOwnText()], ids=lambda value: type(value).__name__)
def test_a_serialize_of_another_protocol_is_no_way_to_come_back(value):
    text = refusal({"a": [value]})

    assert text.splitlines()[0] == f"['a'][0] of type {type(value).__name__} cannot be carried."
    assert "Its serialize() is not Airflow's: its class has no deserialize(data, version)." in text


class Several(dict):
    """Like the dicts of boltons and others that keep all values of a key, and show the last one."""

    def __init__(self, pairs):
        super().__init__()
        for key, content in pairs:
            self.setdefault(key, []).append(content)

    def __getitem__(self, key):
        return super().__getitem__(key)[-1]

    def __iter__(self):
        return super().__iter__()

    def keys(self):
        return list(self)


@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {1: [value]}], ids=["alone", "nested"])
def test_a_dict_that_shows_one_of_several_values_is_refused(wrap):
    text = refusal(wrap(Several([("a", 1), ("a", "SECRET"), ("b", 2)])))

    assert "It holds several values of one key, and a plain dict holds but one." in text
    assert "SECRET" not in text


def test_a_dict_that_shows_all_that_it_holds_comes_back_as_a_dict():
    found = round_trip([Several([("a", 1), ("b", 2)])])[0]

    assert type(found) is dict
    assert found == {"a": 1, "b": 2}
