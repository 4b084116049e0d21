"""How an API server wraps a data key for its own kind, and unwraps it: AES-256-GCM (NIST SP 800-38D).

The wrapping key is derived from a private key of the API servers, so no other process has it. A key that is sealed
(`hpke`) could come from anybody. A wrapped key comes from an API server, which checked at the push who sealed it, and
for what. To open a wrapped key takes about a microsecond, and a sealed one fifty.

A nonce is 12 random bytes. Under one private key, at most 2^32 data keys may be wrapped (SP 800-38D, 8.3).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exclusive_redis_xcom.crypto.failures import Forged
from exclusive_redis_xcom.crypto.payload import DATA_KEY_BYTES
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from exclusive_redis_xcom.crypto.seal_keys import SealPrivateKeys

_NONCE_BYTES = 12
_TAG_BYTES = 16
WRAPPED_KEY_BYTES = _NONCE_BYTES + DATA_KEY_BYTES + _TAG_BYTES


@errors_without_locals
def wrap_key(data_key: bytes, key_id: str, private: SealPrivateKeys, aad: bytes) -> bytes:
    """Wrap a data key. The result differs each time.

    Args:
        data_key: The data key, 32 bytes.
        key_id: The id of the private key from which the wrapping key is derived.
        private: The private keys of the API server.
        aad: What the data key is bound to, see `wrap_aad`.

    Returns:
        The nonce, the encrypted data key, and its tag: 60 bytes.

    Raises:
        UnknownKey: No private key has this id.
        ValueError: The data key does not have 32 bytes.
    """
    cipher = private.wrapping_cipher(key_id)
    if len(data_key) != DATA_KEY_BYTES:
        problem = f"a data key has {DATA_KEY_BYTES} bytes"
        raise ValueError(problem)
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, data_key, aad)


@errors_without_locals
def unwrap_key(wrapped: bytes, key_id: str, private: SealPrivateKeys, aad: bytes) -> bytes:
    """Unwrap a data key. All arguments but `private` may be untrusted.

    Returns:
        The data key, 32 bytes.

    Raises:
        UnknownKey: No private key has this id.
        Forged: No API server with this private key wrapped the key for this `aad`.
    """
    cipher = private.wrapping_cipher(key_id)
    data_key = _unwrap(wrapped, cipher, aad) if len(wrapped) == WRAPPED_KEY_BYTES else None
    if data_key is None:
        raise Forged("A wrapped key was not wrapped for this XCom, version and access list: it was changed or moved.")
    return data_key


@errors_without_locals
def unwrap_keys(
    wrapped: Sequence[bytes], key_ids: Sequence[str], private: SealPrivateKeys, aads: Iterable[bytes]
) -> list[bytes]:
    """Unwrap one data key for each wrapped key, key id and `aad`, as `unwrap_key` does.

    Raises:
        UnknownKey, Forged: As for `unwrap_key`, if that holds for any of them.
    """
    ciphers = {key_id: private.wrapping_cipher(key_id) for key_id in set(key_ids)}
    found = [
        _unwrap(one, ciphers[key_id], aad) if len(one) == WRAPPED_KEY_BYTES else None
        for one, key_id, aad in zip(wrapped, key_ids, aads, strict=True)
    ]
    opened = [data_key for data_key in found if data_key is not None]
    if len(opened) != len(found):
        raise Forged("A wrapped key was not wrapped for its XCom, version and access list: it was changed or moved.")
    return opened


def _unwrap(wrapped: bytes, cipher: AESGCM, aad: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], aad)
    except InvalidTag:
        return None
