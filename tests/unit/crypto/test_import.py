"""Settings and references import crypto in every process: that must stay cheap."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

PUBLIC = "xrx-pub-" + "A" * 43
PRIVATE = "xrx-key-" + "A" * 43
ENCRYPTION = "xrx-enc-" + "A" * 43


def loads_cryptography(statement: str) -> bool:
    code = f"import sys; from exclusive_redis_xcom import crypto; {statement}; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=60)
    return done.stdout.split() == [b"True"]


@pytest.mark.parametrize(
    "statement",
    [
        "crypto",
        f"crypto.SealPublicKey.parse('{PUBLIC}').key_id",
        f"repr(crypto.SealPrivateKeys.parse('{PRIVATE}'))",
        f"crypto.EncryptionKeys.parse('{ENCRYPTION}').newest_id",
    ],
)
def test_importing_and_reading_settings_loads_no_cryptography(statement: str) -> None:
    assert not loads_cryptography(statement)


def test_what_is_loaded_is_noticed() -> None:
    assert loads_cryptography(f"crypto.SealPrivateKeys.parse('{PRIVATE}').key_ids")
