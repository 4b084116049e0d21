"""`make dist`: sdist, wheel and SBOM of the checked-out commit, in `dist/`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from devtools.release import bare, building, quality, sbom
from devtools.release.steps import FailedError, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devtools.release.building import Built
    from devtools.release.repository import Repository

FOLDER = "dist"


def steps(repository: Repository) -> Iterator[Step]:
    """Build everything twice, check it, and put it into `dist/`. The first failure is the last step."""
    uv = repository.root / ".make" / "uv"
    version, committed_at = repository.version, repository.committed_at
    with tempfile.TemporaryDirectory(prefix="exclusive-xcom-dist-") as name:
        try:
            both = [building.build(repository, way, Path(name)) for way in building.WAYS]
            yield _same("sdist and wheel", building.differences(*both))
            pythons = [bare.install(built.wheel, built.clone, uv) for built in both]
            yield Step("wheel in a bare environment", note=bare.say_version(pythons[0]))
            texts = [sbom.make(*pair, version, committed_at) for pair in zip(both, pythons, strict=True)]
            yield _same("SBOM", [] if texts[0] == texts[1] else ["the SBOM"])
            yield Step("SBOM fits its schema", note=sbom.check(texts[0]))
            yield from _judged(both[0])
        except FailedError as error:
            yield Step("dist", problem=str(error))
            return
        yield from _kept(repository, both[0], texts[0])


def _same(what: str, different: list[str]) -> Step:
    if different:
        raise FailedError(f"{what}: two builds of one commit differ in {', '.join(different)}")
    return Step(f"{what}: same bytes from two clones")


def _judged(built: Built) -> Iterator[Step]:
    judges: dict[str, Callable[[Built], str]] = {
        "twine check": quality.twine,
        "check-wheel-contents": quality.wheel_contents,
        "pyroma": quality.pyroma,
    }
    for name, judge in judges.items():
        yield Step(name, note=judge(built))


def _kept(repository: Repository, built: Built, bill: str) -> Iterator[Step]:
    folder = repository.root / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    kept = [Path(shutil.copyfile(file, folder / file.name)) for file in (built.sdist, built.wheel)]
    kept.append(folder / f"{built.sdist.name.removesuffix('.tar.gz')}.cdx.json")
    kept[-1].write_text(bill)
    sums = "".join(f"{bare.sha256(file)}  {file.name}\n" for file in kept)
    (folder / "SHA256SUMS").write_text(sums)
    for file in kept:
        yield Step(f"{FOLDER}/{file.name}", note=f"{file.stat().st_size} bytes, sha256 {bare.sha256(file)}")
