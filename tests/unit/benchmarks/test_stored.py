"""How the bytes of an XCom are split into parts, from given figures."""

from __future__ import annotations

from benchmarks import stored

SMALL = {
    "name": 95,
    "fields": {"i:committed": [12, 64], "i": [2, 140], "acl": [3, 198]},
    "bytes": 808,
    "bare": 168,
    "payload": 1,
    "values": 1,
}


def test_the_parts_of_an_xcom_add_up_to_what_redis_uses() -> None:
    found = stored.parts(SMALL)

    assert found == {
        "key's name": 95,
        "mark": 76,
        "payload": 1,
        "envelope's header": 141,
        "rule in force": 201,
        "Redis' own": 294,
    }
    assert sum(found.values()) == SMALL["bytes"]


def test_of_a_mapped_task_each_part_is_that_of_one_result() -> None:
    found = stored.parts({**SMALL, "bytes": 8080, "values": 10, "fields": {"i": [10, 1400], "i:acl": [60, 2000]}})

    assert found["value's own rule"] == 206
    assert found["envelope's header"] == 140
    assert found["key's name"] == 9.5


def test_a_field_that_the_bench_does_not_know_has_a_line_of_its_own() -> None:
    assert stored.parts({**SMALL, "fields": {"i": [2, 140], "novelty": [7, 3]}})["field novelty"] == 10


def test_limits_hold_what_the_newest_format_stores() -> None:
    section = {"trees": {"new": {"2": {"rows": {}}, "3": {"rows": {"worker": 290}}}, "base": {"": {"rows": {}}}}}

    assert stored.newest(section, "new") == {"rows": {"worker": 290}}
    assert stored.newest({"trees": {}}, "new") is None


def test_the_text_for_a_terminal_ends_with_what_its_words_mean() -> None:
    formats = {"samples": dict.fromkeys(stored.SAMPLES, SMALL), "rows": {"worker": 278, "server": 528}, "default": 3}

    text = stored.as_text({"trees": {"new": {"3": formats}}})

    tables, legend = text[: -len(stored.LEGEND)], text[-len(stored.LEGEND) :]
    assert legend == stored.LEGEND
    assert all(f"bytes: {sample}" in tables for sample in stored.SAMPLES.values())
    assert tables.endswith("\n\n")
