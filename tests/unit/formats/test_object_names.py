"""Names of objects: one per coordinate and version, and no id leads out of its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom.formats.object_names import ParsedName, is_name_of, object_name, parse
from exclusive_redis_xcom.model import Coordinate

VERSION = "0123456789abcdef" * 2
OTHER = "f" * 32
# The alphabet of trouble: separators, dots, escapes, our own mark, what file systems and shells take apart.
AWKWARD = st.text(st.sampled_from(list("aA./\\%!~*?[]:{}@ \n\0é€𝄞\ud800")), max_size=30)
IDS = st.one_of(AWKWARD, st.text(max_size=300), st.sampled_from([".", "..", "", "!", "%2E", "~", "-1"]))
COORDINATES = st.builds(Coordinate, IDS, IDS, IDS, IDS, st.integers(min_value=-1, max_value=2**31))


def test_a_name_reads_like_the_coordinate() -> None:
    at = Coordinate("sales", "manual__2026-01-01T00:00:00+00:00", "extract", "return_value", 7)

    assert object_name(at, VERSION) == (
        f"sales/manual__2026-01-01T00%3A00%3A00%2B00%3A00/extract/return_value/7/{VERSION}"
    )


@given(COORDINATES)
def test_every_component_is_a_plain_file_name(at: Coordinate) -> None:
    parts = object_name(at, VERSION).split("/")

    assert len(parts) == 6
    for part in parts:
        assert 0 < len(part.encode("ascii")) <= 255
        assert not part.startswith(".")
        assert set(part) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%!")


@given(COORDINATES)
def test_a_name_leaves_a_quarter_of_s3_s_1024_bytes_to_the_prefix(at: Coordinate) -> None:
    assert len(object_name(at, VERSION)) <= 768


@given(COORDINATES, COORDINATES)
def test_two_coordinates_have_two_names(one: Coordinate, other: Coordinate) -> None:
    assert (object_name(one, VERSION) == object_name(other, VERSION)) is (one == other)


@given(COORDINATES)
def test_a_name_tells_its_coordinate_or_that_it_had_to_be_cut(at: Coordinate) -> None:
    parsed = parse(object_name(at, VERSION))

    assert parsed is not None
    assert parsed.version == VERSION
    assert parsed.coordinate in (at, None)
    if max(len(text.encode("utf-8", "surrogatepass")) for text in (at.dag_id, at.run_id, at.task_id, at.key)) <= 60:
        assert parsed.coordinate == at


@pytest.mark.parametrize(
    "name",
    [
        "",
        VERSION,
        f"a/b/c/d/{VERSION}",
        f"a/b/c/d/e/-1/{VERSION}",
        f"a/b/c/d/-1/{VERSION}x",
        f"a/b/c/d/-1/{VERSION.upper()}",
        f"a/b/c/d/-1/{VERSION}\n",
        f"a/b/c/d/-2/{VERSION}",
        f"a/b/c/d/007/{VERSION}",
        f"a/b/c/d/x/{VERSION}",
        f"../b/c/d/-1/{VERSION}",
        f".a/b/c/d/-1/{VERSION}",
        f"/b/c/d/-1/{VERSION}",
        f"a%2e/b/c/d/-1/{VERSION}",
        f"a%61/b/c/d/-1/{VERSION}",
        f"a%/b/c/d/-1/{VERSION}",
        f"a%FF/b/c/d/-1/{VERSION}",
        f"a b/b/c/d/-1/{VERSION}",
        f"é/b/c/d/-1/{VERSION}",
    ],
)
def test_any_other_name_is_none_of_ours(name: str) -> None:
    assert parse(name) is None


@given(st.text(max_size=100))
def test_any_text_can_be_asked_about(name: str) -> None:
    parsed = parse(name)

    assert parsed is None or isinstance(parsed, ParsedName)


@given(COORDINATES, COORDINATES)
def test_a_name_belongs_to_one_coordinate_whatever_the_version(at: Coordinate, other: Coordinate) -> None:
    assert is_name_of(object_name(at, VERSION), at)
    assert is_name_of(object_name(at, OTHER), at)
    assert is_name_of(object_name(other, VERSION), at) is (other == at)


@pytest.mark.parametrize("name", ["", "x", VERSION, f"../{VERSION}", f"a/b/c/d/-1/../-1/{VERSION}"])
def test_a_name_made_up_belongs_to_nobody(name: str) -> None:
    assert not is_name_of(name, Coordinate("a", "b", "c", "d"))
