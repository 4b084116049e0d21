"""The Lua scripts' headers and what Python gives them: the one order of ARGV, told twice."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import exclusive_redis_xcom
from exclusive_redis_xcom.formats import digests, mark, redis_names
from exclusive_redis_xcom.formats.envelope import Envelope
from exclusive_redis_xcom.model import Coordinate
from exclusive_redis_xcom.store import Push, scripts
from tests.unit.sealed_reference import PUSHED, VERSION

OF_EARLIER_RELEASES = "46590ee8e44f361ce5e3c87a87f4dac3ceefa2641b5a054077413e48a452e65d"

AT = Coordinate("dag", "run", "task", "key", 3)


def value(at: Coordinate = AT, *, size: int = 1) -> Envelope:
    return Envelope(at, VERSION, "raw", "off", size, PUSHED, (bytes(size),))


PUSH = Push(
    value(),
    acl=b"rule",
    ttl=timedelta(seconds=2),
    own_acl=b"own",
    once=True,
    watched=True,
    description=b"1 told",
)
#: The description's JSON, with its beginning: a format, and 8 digits of the version.
DESCRIBED = replace(PUSH, description=f"1 {VERSION[:8]} told".encode())
UNTOLD = replace(PUSH, description=b"")
SPILLED = replace(PUSH, envelope=PUSH.envelope.spilled_to("object"))
LARGE = replace(PUSH, envelope=value(size=3_000_000).in_parts())


def told(script: scripts.Script) -> list[str]:
    """What the script's header says of each of ARGV, in order."""
    lines = re.findall(r"^-- ARGV\[(\d+)\] +(.*)$", script.source, re.MULTILINE)
    assert [int(number) for number, _ in lines] == list(range(1, len(lines) + 1))
    return [text for _, text in lines]


def arguments(push: Push, generation: int = 2) -> tuple[scripts.Argument, ...]:
    script, found = scripts.push_call(push, generation)
    assert script is (scripts.PUSH_2 if generation == 2 else scripts.PUSH)
    return found


def compact(push: Push, described: bytes = b"told") -> bytes:
    """The value as generation 3 writes it."""
    rule = None if push.own_acl is None else digests.rule_of(push.own_acl)
    return push.envelope.pack_compact(rule, described)


def test_a_push_gives_what_the_header_tells() -> None:
    given = dict(zip(told(scripts.PUSH), arguments(DESCRIBED, 3), strict=True))
    data = compact(DESCRIBED)

    assert {name.split(",")[0].split(";")[0]: given[name] for name in given} == {
        "field of the rule in force": redis_names.ACL_FIELD,
        "the rule in force (JSON or packed)": b"rule",
        "field of the value": "3",
        "the value (envelope)": data,
        "ttl_ms": 2000,
        "'1': other values share the hash (the task is mapped)": "1",
        "the value's version": PUSH.envelope.version,
        "field of the value's claim": "3:claim",
        "'1': the value may be read once only": "1",
        "field of the value's parts": "3:parts",
        "how many parts part.lua has written for this version": 0,
        "field of the value's mark": "3:committed",
        "the mark without its time (formats/mark.py)": mark.start(VERSION, len(data), described=False, generation=3),
        "field of the value's object": "3:spilled",
        "the object's name": "",
        "field that says that the hash has a mark for every row of the key": redis_names.COMPLETE_FIELD,
        "field of the value's description": "3:described",
        "the description": b"",
        "field of the value's own rule": "3:acl",
        "the value's own rule": b"\0\0\0\x03own",
        "field of the rules that values name by digest (formats/shared_rules.py)": redis_names.RULES_FIELD,
        "'1': the value names its rule by digest": "1",
    }


@pytest.mark.parametrize(
    ("push", "place", "expected"),
    [
        (replace(PUSH, once=False), 8, ""),
        (replace(PUSH, watched=False), 12, ""),
        (UNTOLD, 12, mark.start(VERSION, len(compact(UNTOLD, b"")), described=False, generation=3)),
        (SPILLED, 3, SPILLED.envelope.pack()),
        (SPILLED, 12, mark.start(VERSION, len(SPILLED.envelope.pack()), described=True, generation=3)),
        (SPILLED, 14, "object"),
        (SPILLED, 17, b"1 told"),
        (SPILLED, 21, ""),
        (LARGE, 10, 3),
        (replace(PUSH, own_acl=None), 19, b""),
        (replace(PUSH, envelope=value(replace(AT, map_index=-1))), 5, ""),
    ],
)
def test_what_a_push_of_generation_3_is_without_is_empty(push: Push, place: int, expected: object) -> None:
    assert arguments(push, 3)[place] == expected


def test_the_script_of_generation_2_is_that_of_earlier_releases() -> None:
    """Byte for byte, apart from its first comment: old workers and workers with `format = 2` do the same."""
    code = scripts.PUSH_2.source.partition("\nlocal ttl_ms")[2]

    assert hashlib.sha256(code.encode()).hexdigest() == OF_EARLIER_RELEASES


def test_a_push_of_generation_2_gives_what_the_header_tells() -> None:
    given = dict(zip(told(scripts.PUSH_2), arguments(PUSH), strict=True))

    assert {name.split(",")[0].split(";")[0]: given[name] for name in given} == {
        "field of the rule in force": redis_names.ACL_FIELD,
        "the rule in force (canonical JSON)": b"rule",
        "field of the value": "3",
        "the value (envelope)": PUSH.envelope.pack(),
        "ttl_ms": 2000,
        "'1': other values share the hash (the task is mapped)": "1",
        "the value's version": PUSH.envelope.version,
        "field of the value's claim": "3:claim",
        "'1': the value may be read once only": "1",
        "field of the value's parts": "3:parts",
        "how many parts part.lua has written for this version": 0,
        "field of the value's mark": "3:committed",
        "the mark without its time": f"{PUSH.envelope.version} 0{len(PUSH.envelope.pack())}".encode(),
        "field of the value's object": "3:spilled",
        "the object's name": "",
        "field that says that the hash has a mark for every row of the key": redis_names.COMPLETE_FIELD,
        "field of the value's description": "3:described",
        "the description": b"1 told",
        "field of the value's own rule": "3:acl",
        "the value's own rule (canonical JSON)": b"own",
    }


@pytest.mark.parametrize(
    ("push", "place", "expected"),
    [
        (replace(PUSH, once=False), 8, ""),
        (replace(PUSH, watched=False), 12, ""),
        (UNTOLD, 12, f"{PUSH.envelope.version} {len(PUSH.envelope.pack())}".encode()),
        (SPILLED, 14, "object"),
        (UNTOLD, 17, b""),
        (LARGE, 10, 3),
        (replace(PUSH, envelope=value(replace(AT, map_index=-1))), 5, ""),
    ],
)
def test_what_a_push_is_without_is_empty(push: Push, place: int, expected: object) -> None:
    assert arguments(push)[place] == expected


def test_a_value_without_a_rule_of_its_own_gives_two_less() -> None:
    assert len(arguments(replace(PUSH, own_acl=None))) == len(told(scripts.PUSH_2)) - 2


def test_a_sweep_gives_what_the_header_tells() -> None:
    given = dict(zip(told(scripts.SWEEP), scripts.sweep_arguments(AT, 8, given_up="f" * 32), strict=True))

    assert {name.split(",")[0].split(" is ")[0].split(" to ")[0]: given[name] for name in given} == {
        "field of the rule in force": "acl",
        "field of the value's parts": "3:parts",
        "field of the value": "3",
        "how many parts": 8,
        "a version whose push": "f" * 32,
        "field of the rules that values name": "acls",
    }


def test_a_purge_removes_all_fields_of_a_value() -> None:
    assert scripts.purge_arguments(AT) == (
        *("acl", "3", "3:parts", "acls"),
        *("3:acl", "3:claim", "3:committed", "3:spilled", "3:described", "complete"),
    )


@pytest.mark.parametrize("folder", ["store/lua", "health"])
def test_every_script_says_in_its_header_what_it_costs(folder: str) -> None:
    found = sorted((Path(exclusive_redis_xcom.__file__).parent / folder).glob("*.lua"))

    assert found
    for path in found:
        header = path.read_text().split("\n\n")[0]
        assert re.search(r"^-- Cost: O\((n|1)\)", header, re.MULTILINE), path.name
