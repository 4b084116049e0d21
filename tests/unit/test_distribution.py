"""The wheel and the sdist: their files, their metadata, and the page that package indexes make of it."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import exclusive_redis_xcom
from devtools.installed import PYTHONS

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "exclusive_redis_xcom"
VERSION = exclusive_redis_xcom.__version__
NAME = f"exclusive_redis_xcom-{VERSION}"
INFO = f"{NAME}.dist-info"

ENTRY_POINTS = """\
[console_scripts]
exclusive-xcom = exclusive_redis_xcom.cli:main

[airflow.plugins]
exclusive_redis_xcom = exclusive_redis_xcom.airflow.plugin:ExclusiveRedisXComPlugin

[airflow.policy]
exclusive_redis_xcom = exclusive_redis_xcom.airflow.policy

[apache_airflow_provider]
provider_info = exclusive_redis_xcom.airflow.provider_info:get_provider_info
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the sdist, and with the wheel that was built from the sdist's files."""
    dist = tmp_path_factory.mktemp("dist")
    build(ROOT, "sdist", dist)
    with tarfile.open(dist / f"{NAME}.tar.gz") as archive:
        archive.extractall(dist, filter="data")
    build(dist / NAME, "wheel", dist)
    return dist


def build(source: Path, target: str, into: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(built / f"{NAME}-py3-none-any.whl")


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    return Parser().parsestr(wheel.read(f"{INFO}/METADATA").decode())


def test_the_wheel_has_every_file_of_the_package_and_no_other(wheel: zipfile.ZipFile) -> None:
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    about = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")

    assert sorted(wheel.namelist()) == sorted(
        [*(path.relative_to(ROOT).as_posix() for path in files), *(f"{INFO}/{name}" for name in about)]
    )


@pytest.mark.parametrize("pattern", ["py.typed", "store/lua/*.lua", "health/*.lua"])
def test_what_is_no_python_is_in_the_wheel(wheel: zipfile.ZipFile, pattern: str) -> None:
    files = [path.relative_to(ROOT).as_posix() for path in PACKAGE.glob(pattern)]

    assert files
    assert set(files) <= set(wheel.namelist())


def test_the_sdist_has_what_one_needs_to_build_test_and_read_it(built: Path) -> None:
    with tarfile.open(built / f"{NAME}.tar.gz") as archive:
        names = set(archive.getnames())

    needed = ["pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "PKG-INFO"]
    folders = [
        path.relative_to(ROOT).as_posix() for folder in ("docs", "tests") for path in (ROOT / folder).rglob("*.*")
    ]
    kept = [name for name in folders if "__pycache__" not in name]
    assert {f"{NAME}/{name}" for name in [*needed, *kept]} - names == set()
    assert [name for name in names if "/.venv" in name or "/.make" in name or "/.stack" in name] == []


def test_entry_points(wheel: zipfile.ZipFile) -> None:
    found = wheel.read(f"{INFO}/entry_points.txt").decode()

    assert sections(found) == sections(ENTRY_POINTS)


def sections(text: str) -> set[str]:
    return set(text.strip().split("\n\n"))


def test_the_metadata_says_whose_it_is_and_what_it_is_for(metadata: Message) -> None:
    assert metadata["Name"] == "exclusive-redis-xcom"
    assert metadata["Version"] == VERSION
    assert metadata["Author"] == "The exclusive-redis-xcom maintainers"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata["Summary"].startswith("Airflow 3 XCom backend")
    assert len(metadata["Summary"]) <= 512
    assert metadata.get_all("Project-URL")
    assert all(re.fullmatch(r"[^,]+, https://\S+", url) for url in metadata.get_all("Project-URL", []))
    assert {"airflow", "xcom", "redis", "valkey"} <= set(metadata["Keywords"].split(","))


def test_every_classifier_is_one_that_indexes_know(metadata: Message) -> None:
    from trove_classifiers import classifiers

    found = metadata.get_all("Classifier", [])
    assert set(found) - classifiers == set()
    assert "Typing :: Typed" in found


def test_the_pythons_are_the_same_everywhere(metadata: Message) -> None:
    oldest, newest = PYTHONS[0], PYTHONS[-1]
    line = "Programming Language :: Python :: "
    versions = [name.removeprefix(line) for name in metadata.get_all("Classifier", []) if name.startswith(f"{line}3.")]

    assert versions == list(PYTHONS)
    assert metadata["Requires-Python"] == f"<3.{int(newest[2:]) + 1},>={oldest}"
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        assert re.search(rf"Python {oldest}\W{newest}", (ROOT / page).read_text())
    assert f"of version {oldest} to {newest} on PATH" in (ROOT / "devtools" / "uv.sh").read_text()


def test_requirements_and_extras(metadata: Message) -> None:
    lines = metadata.get_all("Requires-Dist", [])
    always = {re.match(r"[\w.-]+", line)[0] for line in lines if "extra ==" not in line}  # type: ignore[index]
    extras = {re.sub(r"\W+", " ", line) for line in lines if "extra ==" in line}

    assert always == {
        "apache-airflow",
        "apache-airflow-providers-redis",
        "cryptography",
        "msgspec",
        "ormsgpack",
        "redis",
        "zstandard",
    }
    assert sorted(metadata.get_all("Provides-Extra", [])) == ["arrow", "polars", "testing"]
    assert extras == {
        "pandas 2 1 extra arrow ",
        "pyarrow 16 extra arrow ",
        "polars 1 20 extra polars ",
        "pyarrow 16 extra polars ",
        "fakeredis lua 2 26 extra testing ",
        "pytest 8 extra testing ",
    }


def test_the_description_is_the_readme_without_links_that_lead_nowhere(metadata: Message) -> None:
    payload = metadata.get_payload()
    assert isinstance(payload, str)

    assert metadata["Description-Content-Type"] == "text/markdown"
    assert payload.startswith("# ")
    assert re.findall(r"\]\((?!https?:|#)", payload) == []
    assert len(payload.splitlines()) == len((ROOT / "README.md").read_text().splitlines())
