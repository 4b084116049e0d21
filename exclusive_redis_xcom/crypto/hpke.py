"""How a data key is sealed to the API server's public key, and opened: HPKE (RFC 9180), base mode, single shot.

The suite is DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM. A sealed key holds the encapsulated key (32 bytes),
the encrypted data key (32) and its tag (16). Where `cryptography` is older than 47 and has no HPKE, `hpke_composed` has
the same suite.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from exclusive_redis_xcom.crypto.failures import Forged
from exclusive_redis_xcom.crypto.payload import DATA_KEY_BYTES
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.hpke import Suite

    from exclusive_redis_xcom.crypto.hpke_composed import ComposedSuite
    from exclusive_redis_xcom.crypto.seal_keys import SealPrivateKeys, SealPublicKey

SEALED_KEY_BYTES = 32 + DATA_KEY_BYTES + 16

#: An access list in a reference has at most a million characters. A longer one was not sealed here.
_MAX_INFO_BYTES = 8 * 1024 * 1024


@errors_without_locals
def seal_key(data_key: bytes, public: SealPublicKey, info: bytes) -> bytes:
    """Seal a data key. The result differs each time.

    Args:
        data_key: The data key, 32 bytes.
        public: The public key. Its private half opens the sealed key.
        info: What the data key is bound to, see `seal_info`; at most 8 MiB.

    Returns:
        The sealed key, 80 bytes.

    Raises:
        ValueError: An argument has the wrong size, or the public key is one of the few whose seals anybody can open.
    """
    problem = _problem(data_key, info)
    sealed = None if problem else _seal(data_key, public, info)
    if sealed is None:
        raise ValueError(problem or "this public sealing key protects nothing; make a pair with exclusive-xcom keygen")
    return sealed


@errors_without_locals
def open_key(sealed: bytes, key_id: str, private: SealPrivateKeys, info: bytes) -> bytes:
    """Open a sealed key. All arguments but `private` may be untrusted.

    Returns:
        The data key, 32 bytes.

    Raises:
        UnknownKey: No private key has this id.
        Forged: The key was not sealed to this private key's public half for this `info`.
    """
    key = private.get(key_id)
    data_key = None
    if len(sealed) == SEALED_KEY_BYTES and len(info) <= _MAX_INFO_BYTES:
        data_key = _open(sealed, key, info)
    if data_key is None:
        raise Forged("A sealed key was not sealed for this XCom, version and access list: it was changed or moved.")
    return data_key


def _problem(data_key: bytes, info: bytes) -> str:
    if len(data_key) != DATA_KEY_BYTES:
        return f"a data key has {DATA_KEY_BYTES} bytes"
    return "" if len(info) <= _MAX_INFO_BYTES else f"at most {_MAX_INFO_BYTES} bytes can be bound to a sealed key"


def _seal(data_key: bytes, public: SealPublicKey, info: bytes) -> bytes | None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    try:
        return _suite().encrypt(data_key, X25519PublicKey.from_public_bytes(public.raw), info=info)
    except ValueError:  # a point of small order: the shared secret would be known to all
        return None


def _open(sealed: bytes, key: X25519PrivateKey, info: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        return _suite().decrypt(sealed, key, info=info)
    except (InvalidTag, ValueError):  # the library's documentation promises InvalidTag only
        return None


@cache
def _suite() -> Suite | ComposedSuite:
    try:
        from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
    except ImportError:
        from exclusive_redis_xcom.crypto.hpke_composed import ComposedSuite

        return ComposedSuite()
    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
