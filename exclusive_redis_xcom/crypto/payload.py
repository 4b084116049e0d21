"""How a payload is encrypted with a data key of its own, and decrypted: AES-256-GCM (NIST SP 800-38D).

`cryptography` 47 and newer writes into memory of ours in one call, which is fastest for small payloads. Older releases
do the same in several calls.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from exclusive_redis_xcom.crypto.failures import Forged
from exclusive_redis_xcom.memory import size_of
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exclusive_redis_xcom.memory import Buffer, Buffers

DATA_KEY_BYTES = 32

_NONCE_BYTES = 12
_TAG_BYTES = 16

#: The cipher takes no more. Redis takes far less.
_MAX_BYTES = 2**31 - 1 - _TAG_BYTES

_FORGED = "An encrypted value was not written for this XCom, version and access list: it was changed or moved."


def new_data_key() -> bytes:
    """Return 32 random bytes."""
    return os.urandom(DATA_KEY_BYTES)


@errors_without_locals
def encrypt(payload: Buffers, data_key: bytes, aad: bytes) -> Buffer:
    """Encrypt a payload piece by piece, in the memory of the result and no other.

    Args:
        payload: The pieces of the payload.
        data_key: The data key, 32 bytes.
        aad: What the payload is bound to, see `payload_aad`.

    Returns:
        A random nonce of 12 bytes, the ciphertext, and its tag of 16 bytes: 28 bytes more than the payload.

    Raises:
        ValueError: The data key does not have 32 bytes, or the payload is 2 GiB or larger.
    """
    size = size_of(payload)
    problem = _problem(size, data_key)
    if problem:
        raise ValueError(problem)
    data = bytearray(_NONCE_BYTES + size + _TAG_BYTES)
    data[:_NONCE_BYTES] = os.urandom(_NONCE_BYTES)
    with memoryview(data) as view:
        fill = _encrypt_one if len(payload) == 1 else _encrypt_pieces
        fill(payload, data_key, aad, view)
    return data


def _encrypt_one(payload: Buffers, data_key: bytes, aad: bytes, data: memoryview) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if not hasattr(AESGCM, "encrypt_into"):
        _encrypt_pieces(payload, data_key, aad, data)
        return
    AESGCM(data_key).encrypt_into(data[:_NONCE_BYTES], payload[0], aad, data[_NONCE_BYTES:])


def _encrypt_pieces(payload: Buffers, data_key: bytes, aad: bytes, data: memoryview) -> None:
    # The same cipher; it takes longer to set up.
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    encryptor = Cipher(algorithms.AES256(data_key), modes.GCM(data[:_NONCE_BYTES])).encryptor()
    encryptor.authenticate_additional_data(aad)
    start = _NONCE_BYTES
    for piece in payload:
        start += encryptor.update_into(memoryview(piece).cast("B"), data[start:])
    encryptor.finalize()
    data[start:] = encryptor.tag


@errors_without_locals
def decrypt(data: Buffer, data_key: bytes, aad: bytes) -> bytearray:
    """Return in one piece what was given to `encrypt`. All arguments may be untrusted.

    Raises:
        Forged: The payload was not encrypted with this data key for this `aad`.
    """
    payload = _decrypt(memoryview(data), data_key, aad)
    if payload is None:
        raise Forged(_FORGED)
    return payload


def decrypt_each(payloads: Iterable[bytes], data_keys: Iterable[bytes], aads: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what `decrypt` returns for each of several small payloads, one after the other.

    Raises:
        Forged: As for `decrypt`, at the first payload that was not encrypted so.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    for data, data_key, aad in zip(payloads, data_keys, aads, strict=True):
        # AES would take shorter keys, too.
        if len(data_key) != DATA_KEY_BYTES or not _NONCE_BYTES + _TAG_BYTES <= len(data) <= _MAX_BYTES:
            raise Forged(_FORGED)
        try:
            payload = AESGCM(data_key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], aad)
        except InvalidTag:
            raise Forged(_FORGED) from None
        yield payload


def _problem(size: int, data_key: bytes) -> str:
    if len(data_key) != DATA_KEY_BYTES:
        return f"a data key has {DATA_KEY_BYTES} bytes"
    return "" if size <= _MAX_BYTES else f"at most {_MAX_BYTES} bytes can be encrypted at once"


def _decrypt(data: memoryview, data_key: bytes, aad: bytes) -> bytearray | None:
    # AES would take shorter keys, too.
    if len(data_key) != DATA_KEY_BYTES or not _NONCE_BYTES + _TAG_BYTES <= len(data) <= _MAX_BYTES:
        return None
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        if not hasattr(AESGCM, "decrypt_into"):
            return _decrypt_in_steps(data, data_key, aad)
        payload = bytearray(len(data) - _NONCE_BYTES - _TAG_BYTES)
        AESGCM(data_key).decrypt_into(data[:_NONCE_BYTES], data[_NONCE_BYTES:], aad, payload)
    except InvalidTag:
        return None
    return payload


def _decrypt_in_steps(data: memoryview, data_key: bytes, aad: bytes) -> bytearray:
    """Decrypt as `AESGCM.decrypt_into` does; the payload leaves this function only after its tag was checked."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    mode = modes.GCM(data[:_NONCE_BYTES], bytes(data[-_TAG_BYTES:]))
    decryptor = Cipher(algorithms.AES256(data_key), mode).decryptor()
    decryptor.authenticate_additional_data(aad)
    payload = bytearray(len(data) - _NONCE_BYTES)  # older releases ask for up to a block more than they write
    size = decryptor.update_into(data[_NONCE_BYTES:-_TAG_BYTES], payload)
    decryptor.finalize()
    del payload[size:]
    return payload
