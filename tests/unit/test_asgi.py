"""Importing exclusive_redis_xcom.asgi, as a server does at its start, with settings that must not work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.components import OURS
from exclusive_redis_xcom.crypto import generate_seal_keys

ROOT = Path(__file__).resolve().parents[2]

PUBLIC, PRIVATE = generate_seal_keys()
OTHER_PUBLIC, _ = generate_seal_keys()


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env |= {f"{OURS}{name}": value for name, value in settings.items()}
    command = [sys.executable, "-c", "import exclusive_redis_xcom.asgi"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"DIRECT_PULLS": "off"}, "enforcement is not 'server'"),
        ({"ENFORCEMENT": "server", "SEAL_PUBLIC_KEY": PUBLIC}, "seal_private_keys"),
        (
            {"ENFORCEMENT": "server", "SEAL_PUBLIC_KEY": OTHER_PUBLIC, "SEAL_PRIVATE_KEYS": PRIVATE},
            "could open nothing that is sealed to it",
        ),
        ({"ENFORCEMENT": "server", "SEAL_PRIVATE_KEYS": f"{PRIVATE}x"}, "seal_private_keys"),
    ],
    ids=["nothing to put around it", "no private key", "another public key", "a damaged key"],
)
def test_the_server_does_not_start_with_wrong_settings(settings: dict[str, str], said: str) -> None:
    done = start(**settings)

    assert done.returncode == 1
    assert "ConfigurationError" in done.stderr
    assert said in done.stderr
    assert PRIVATE not in done.stderr + done.stdout
