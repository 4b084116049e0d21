"""Sealing: payloads that only who was given the key can read. Pure: knows neither Redis nor Airflow.

Each push has a fresh data key. In server mode it is sealed to the API server's public key (HPKE, RFC 9180) and travels
in the reference; in worker mode it is derived from an encryption key that all workers share. Everything a value is
bound to (coordinate, version, access list) goes in as context: what was sealed for one place opens in no other.

Sealing takes a public key only. So a sealed key tells what it was sealed for, but not by whom: anyone with the public
key can seal a data key of their own making. Who may write where is for others to check.

Importing this is cheap: `cryptography` is loaded at first use.
"""

from __future__ import annotations

from exclusive_redis_xcom.crypto.binding import payload_aad, seal_info
from exclusive_redis_xcom.crypto.encryption_keys import EncryptionKeys, generate_encryption_key
from exclusive_redis_xcom.crypto.failures import Forged, UnknownKey
from exclusive_redis_xcom.crypto.hpke import open_key, seal_key
from exclusive_redis_xcom.crypto.payload import decrypt, encrypt, new_data_key
from exclusive_redis_xcom.crypto.seal_keys import SealPrivateKeys, SealPublicKey, generate_seal_keys

__all__ = [
    "EncryptionKeys",
    "Forged",
    "SealPrivateKeys",
    "SealPublicKey",
    "UnknownKey",
    "decrypt",
    "encrypt",
    "generate_encryption_key",
    "generate_seal_keys",
    "new_data_key",
    "open_key",
    "payload_aad",
    "seal_info",
    "seal_key",
]
