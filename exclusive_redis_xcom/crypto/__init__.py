"""Encryption of payloads, and seals of their data keys. This package knows neither Redis nor Airflow.

Each push encrypts its payload with a data key of its own. There are two ways to a data key:

- In server mode the data key is random. It is *sealed* to the API server's public key (HPKE, RFC 9180), and the sealed
  key travels in the reference. Only the API server can *open* it. At the push, the API server opens it, and *wraps* it
  under a key that only API servers have. The wrapped key is what Airflow's database holds.
- In worker mode the data key is derived from an encryption key that all workers share.

The context of both is what the value is bound to: coordinate, version and access list. A key that was sealed for one
place opens in no other place.

Sealing takes only the public key. So a sealed key tells what it was sealed for, but not by whom. Anybody with the
public key can seal a data key of their own making. Other parts check who may write where. A wrapped key tells that an
API server has made this check.

The import is cheap: `cryptography` is loaded at first use.
"""

from __future__ import annotations

from exclusive_redis_xcom.crypto.binding import payload_aad, payload_aads, seal_info, wrap_aad, wrap_aads
from exclusive_redis_xcom.crypto.encryption_keys import EncryptionKeys, generate_encryption_key
from exclusive_redis_xcom.crypto.failures import Forged, UnknownKey
from exclusive_redis_xcom.crypto.hpke import open_key, seal_key
from exclusive_redis_xcom.crypto.payload import decrypt, decrypt_each, encrypt, new_data_key
from exclusive_redis_xcom.crypto.seal_keys import SealPrivateKeys, SealPublicKey, generate_seal_keys
from exclusive_redis_xcom.crypto.wrapping import unwrap_key, unwrap_keys, wrap_key

__all__ = [
    "EncryptionKeys",
    "Forged",
    "SealPrivateKeys",
    "SealPublicKey",
    "UnknownKey",
    "decrypt",
    "decrypt_each",
    "encrypt",
    "generate_encryption_key",
    "generate_seal_keys",
    "new_data_key",
    "open_key",
    "payload_aad",
    "payload_aads",
    "seal_info",
    "seal_key",
    "unwrap_key",
    "unwrap_keys",
    "wrap_aad",
    "wrap_aads",
    "wrap_key",
]
