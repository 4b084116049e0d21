"""The software bill of materials (CycloneDX 1.6): this package, and what is installed with it on the newest Airflow.

cyclonedx-py reads a bare environment that holds the wheel and its locked dependencies. It leaves out what differs
between two runs. What says which release this is comes from the release: serial number, time, hashes.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devtools.release.bare import LOCK, sha256
from devtools.release.steps import FailedError, run

if TYPE_CHECKING:
    from devtools.release.building import Built

#: One of the versions of CycloneDX that the schema checker knows.
SPECIFICATION = "1.6"


def make(built: Built, python: Path, version: str, committed_at: int) -> str:
    """Return the bill of materials as JSON: the same text for the same commit and Python."""
    options = ["--output-reproducible", "--no-validate", "--spec-version", SPECIFICATION, "--mc-type", "library"]
    told = ["--pyproject", str(built.clone / "pyproject.toml"), "--output-file", str(built.wheel.parent / "raw.json")]
    program = Path(sys.executable).parent / "cyclonedx-py"
    epoch = {"SOURCE_DATE_EPOCH": str(committed_at)}
    run([program, "environment", *options, *told, str(python)], built.wheel.parent, env=epoch)
    raw = json.loads((built.wheel.parent / "raw.json").read_text())
    files = {file.name: sha256(file) for file in (built.wheel, built.sdist)}
    return json.dumps(of_release(raw, version, files), indent=2, sort_keys=True) + "\n"


def of_release(raw: dict[str, Any], version: str, files: dict[str, str]) -> dict[str, Any]:
    """Return what cyclonedx-py found, with what says which release this is.

    Args:
        raw: What cyclonedx-py made of the environment.
        version: The package's version.
        files: Names of the wheel and of the sdist, and the SHA-256 of each.
    """
    package = f"pkg:pypi/exclusive-redis-xcom@{version}"
    distributions = [
        {"type": "distribution", "url": name, "hashes": [{"alg": "SHA-256", "content": digest}]}
        for name, digest in files.items()
    ]
    found = raw["metadata"]["component"]
    component = {
        **found,
        "version": version,
        "purl": package,
        "externalReferences": [*found.get("externalReferences", []), *distributions],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"{package} {' '.join(files.values())}")
    properties = [
        {"name": "exclusive-redis-xcom:dependencies", "value": f"as locked in {LOCK}"},
        {"name": "exclusive-redis-xcom:python", "value": f"{sys.version_info[0]}.{sys.version_info[1]} on Linux"},
    ]
    metadata = {
        **raw["metadata"],
        "component": component,
        "properties": [*raw["metadata"].get("properties", []), *properties],
    }
    return {**raw, "serialNumber": f"urn:uuid:{serial}", "metadata": metadata}


def check(text: str) -> str:
    """Check the text against CycloneDX's schema; return a line that says what it holds.

    Raises:
        FailedError: The text does not fit the schema.
    """
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.from_version(SPECIFICATION)).validate_str(text)
    if error is not None:
        raise FailedError(f"the SBOM does not fit CycloneDX {SPECIFICATION}: {str(error)[:2000]}")
    return f"CycloneDX {SPECIFICATION}, {len(json.loads(text)['components'])} components"
