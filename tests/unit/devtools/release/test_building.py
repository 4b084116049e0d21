"""Sdist, wheel and SBOM depend on the commit alone."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import exclusive_redis_xcom
from devtools.release import building, quality, sbom
from devtools.release.building import Built
from devtools.release.repository import Repository
from devtools.release.steps import FailedError
from exclusive_redis_xcom.airflow.provider_info import get_provider_info

ROOT = Path(__file__).resolve().parents[4]
#: What git tracks, and a packager does not need.
LEFT_OUT = (".ci/",)
PYROMA = """\
------------------------------
Checking x.tar.gz
Found exclusive-redis-xcom
------------------------------
Your package does not have author-email data.
------------------------------
Final rating: 8/10
Philadelphia
------------------------------
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Built]:
    """The last commit, built in two clones: other folders, umasks, times of files, and ways to the wheel."""
    if not (ROOT / ".git").exists():
        pytest.skip("this tree is no clone")
    repository, work = Repository(ROOT), tmp_path_factory.mktemp("dist")
    first, second = (building.build(repository, way, work) for way in building.WAYS)
    return first, second


def test_two_clones_give_the_same_bytes(both: tuple[Built, Built]) -> None:
    assert building.differences(*both) == []


def test_a_build_of_another_tree_is_noticed(both: tuple[Built, Built], tmp_path: Path) -> None:
    other = tmp_path / both[0].wheel.name
    other.write_bytes(both[0].wheel.read_bytes() + b"\n")

    assert building.differences(both[0], Built(tmp_path, both[0].sdist, other)) == [other.name]


def test_the_sdist_has_what_git_tracks_and_nothing_else(both: tuple[Built, Built]) -> None:
    tracked = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "-z", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\0")
    with tarfile.open(both[0].sdist) as archive:
        found = {name.partition("/")[2] for name in archive.getnames()}

    expected = {name for name in tracked if name and not name.startswith(LEFT_OUT)} | {"PKG-INFO"}
    assert found == expected


def test_the_version_stands_in_one_place(both: tuple[Built, Built]) -> None:
    version = Repository(ROOT).version

    assert version == exclusive_redis_xcom.__version__
    assert both[0].wheel.name == f"exclusive_redis_xcom-{version}-py3-none-any.whl"
    assert both[0].sdist.name == f"exclusive_redis_xcom-{version}.tar.gz"
    assert f'version = "{version}"' not in (ROOT / "pyproject.toml").read_text()
    # Airflow takes the version of a provider from the wheel, so it must stand nowhere else.
    assert "versions" not in get_provider_info()


def test_the_sbom_says_which_release_it_is_of() -> None:
    raw = {"metadata": {"component": {"name": "exclusive-redis-xcom"}, "timestamp": "then"}, "components": []}
    files = {"a.whl": "11", "a.tar.gz": "22"}

    bill = sbom.of_release(raw, "1.2.0", files)

    assert bill["metadata"]["component"] == {
        "name": "exclusive-redis-xcom",
        "version": "1.2.0",
        "purl": "pkg:pypi/exclusive-redis-xcom@1.2.0",
        "externalReferences": [
            {"type": "distribution", "url": "a.whl", "hashes": [{"alg": "SHA-256", "content": "11"}]},
            {"type": "distribution", "url": "a.tar.gz", "hashes": [{"alg": "SHA-256", "content": "22"}]},
        ],
    }
    assert bill["metadata"]["timestamp"] == "then"
    assert bill["metadata"]["properties"][1]["value"] == f"3.{sys.version_info[1]} on Linux"
    assert bill == sbom.of_release(raw, "1.2.0", files)
    assert bill["serialNumber"] != sbom.of_release(raw, "1.2.0", {**files, "a.whl": "33"})["serialNumber"]


def test_the_rating_of_pyroma_comes_with_what_keeps_it_low() -> None:
    assert quality.rating(PYROMA) == "8/10. Your package does not have author-email data."
    best = PYROMA.replace("8/10", "10/10").replace("Your package does not have author-email data.\n", "")
    assert quality.rating(best) == "10/10."


def test_pyroma_without_a_rating_is_a_failure() -> None:
    with pytest.raises(FailedError):
        quality.rating("Traceback")
