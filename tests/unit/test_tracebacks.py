"""Errors leave this package without local variables, and with their lines."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exclusive_redis_xcom import codec
from exclusive_redis_xcom.connection.airflow_connection import options_from_fields
from exclusive_redis_xcom.connection.url import options_from_url
from exclusive_redis_xcom.crypto import (
    EncryptionKeys,
    SealPrivateKeys,
    SealPublicKey,
    decrypt,
    encrypt,
    generate_encryption_key,
    generate_seal_keys,
    open_key,
    seal_key,
)
from exclusive_redis_xcom.errors import StoreUnavailable
from exclusive_redis_xcom.memory import joined
from exclusive_redis_xcom.tracebacks import errors_without_locals, errors_without_own_locals
from tests.secrets_in_frames import frames_of, secrets_in_frames

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup  # type: ignore[import-not-found] # anyio brings it

SECRET = "canary-51c7a0d4e9"
KEY = os.urandom(32)
PUBLIC_TEXT, PRIVATE_TEXT = generate_seal_keys()
PUBLIC, PRIVATE = SealPublicKey.parse(PUBLIC_TEXT), SealPrivateKeys.parse(PRIVATE_TEXT)
ENCRYPTION_TEXT = generate_encryption_key()


def caught(action: Callable[[], object]) -> BaseException:
    try:
        action()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


class RefusingError(Exception):
    pass


class Custom:
    """Airflow's protocol for classes; it fails."""

    def __init__(self, text: str) -> None:
        self.text = text

    def serialize(self) -> dict[str, Any]:
        raise RefusingError(self.text)


def encoded(value: Any) -> tuple[bytes, dict[str, Any]]:
    found = codec.encode(value, max_bytes=10**6, compression="off")
    return bytes(joined(found.payload)), {
        "codec": found.codec,
        "compression": found.compression,
        "decoded_size": found.decoded_size,
    }


def cut(value: Any) -> Callable[[], object]:
    payload, how = encoded(value)
    return lambda: codec.decode(payload[:-1], **{**how, "decoded_size": len(payload) - 1}, max_bytes=10**6)


def sealed() -> bytes:
    return seal_key(KEY, PUBLIC, b"info")


def wrong_tag() -> bytes:
    return bytes(encrypt((SECRET.encode(),), KEY, b"aad"))


ACTIONS: dict[str, Callable[[], object]] = {
    "encode: what cannot be carried": lambda: codec.encode([SECRET, 1j], max_bytes=100),
    "encode: too large": lambda: codec.encode(SECRET * 100, max_bytes=100),
    "encode: a cycle": lambda: codec.encode(_cycle(), max_bytes=100),
    "encode: an author's class": lambda: codec.encode([Custom(SECRET)], max_bytes=100),
    "decode: cut": cut([SECRET, (1, 2)]),
    "decode: a text that is not UTF-8": lambda: codec.decode(
        SECRET.encode() + b"\xff", codec="str", compression="off", decoded_size=len(SECRET) + 1, max_bytes=100
    ),
    "decode: too large": lambda: codec.decode(
        SECRET.encode(), codec="str", compression="off", decoded_size=1000, max_bytes=100
    ),
    "decode: an unknown codec": lambda: codec.decode(
        SECRET.encode(), codec="?", compression="off", decoded_size=len(SECRET), max_bytes=100
    ),
    "seal: a key of the wrong size": lambda: seal_key(KEY[:31], PUBLIC, b"info"),
    "seal: to a key that protects nothing": lambda: seal_key(KEY, SealPublicKey(bytes(32)), b"info"),
    "open: another place": lambda: open_key(sealed(), PUBLIC.key_id, PRIVATE, b"other info"),
    "open: an unknown key": lambda: open_key(sealed(), "0" * 16, PRIVATE, b"info"),
    "open: a key without a pair": lambda: PRIVATE.get("?"),
    "encrypt: a key of the wrong size": lambda: encrypt((SECRET.encode(),), KEY[:31], b""),
    "encrypt: an unreadable piece": lambda: encrypt((SECRET,), KEY, b""),  # type: ignore[arg-type]
    "decrypt: another place": lambda: decrypt(wrong_tag(), KEY, b"other aad"),
    "decrypt: a key of the wrong size": lambda: decrypt(wrong_tag(), KEY[:31], b"aad"),
    "derive: a malformed version": lambda: EncryptionKeys((KEY,)).data_key(
        EncryptionKeys((KEY,)).newest_id, "no version", b""
    ),
    "derive: an unknown key": lambda: EncryptionKeys((KEY,)).data_key("0" * 16, "0" * 32, b""),
    "parse: a private key as the public one": lambda: SealPublicKey.parse(PRIVATE_TEXT),
    "parse: a list with another kind of key": lambda: SealPrivateKeys.parse(f"{PRIVATE_TEXT},{ENCRYPTION_TEXT}"),
    "parse: another type": lambda: EncryptionKeys.parse([ENCRYPTION_TEXT]),  # type: ignore[arg-type]
    "URL: a wrong port": lambda: options_from_url(f"redis://u:{SECRET}@host:port/0"),
    "URL: a wrong scheme": lambda: options_from_url(f"http://u:{SECRET}@host"),
    "URL: an unknown parameter": lambda: options_from_url(f"redis://u:{SECRET}@host?sentinel_passwort={SECRET}"),
    "connection: a wrong extra": lambda: options_from_fields("host", 1, "u", SECRET, {"sslx": SECRET}),
    "connection: a wrong database": lambda: options_from_fields("host", 1, "u", SECRET, {"db": SECRET}),
}


def _cycle() -> list[Any]:
    cycle: list[Any] = [SECRET]
    cycle.append(cycle)
    return cycle


SECRETS = (SECRET, KEY, KEY[:31], PRIVATE_TEXT, PRIVATE._raw[0], ENCRYPTION_TEXT)


@pytest.mark.parametrize("what", ACTIONS)
def test_no_frame_holds_a_value_a_key_or_a_password(what: str) -> None:
    error = caught(ACTIONS[what])

    assert isinstance(error, Exception)
    assert secrets_in_frames(error, *SECRETS) == []


def test_the_search_finds_what_is_there() -> None:
    """Without the decorator, each kind of secret would be found."""
    unguarded = {
        codec.decode: lambda decode: decode(
            SECRET.encode() + b"\xff", codec="str", compression="off", decoded_size=len(SECRET) + 1, max_bytes=100
        ),
        decrypt: lambda function: function(wrong_tag(), KEY, b"other aad"),
        options_from_url: lambda function: function(f"http://u:{SECRET}@host"),
    }
    for function, call in unguarded.items():
        bare = function.__wrapped__  # type: ignore[attr-defined]
        error = caught(lambda bare=bare, call=call: call(bare))  # type: ignore[misc]
        assert secrets_in_frames(error, *SECRETS) != [], function


def raises_with(secret: str, kind: type[BaseException] = StoreUnavailable) -> None:
    local = [secret]
    raise kind(f"{len(local)} value was not pushed")


def calls(secret: str) -> None:
    raises_with(secret)


def test_the_lines_stay_from_the_caller_to_where_it_was_raised() -> None:
    error = caught(lambda: errors_without_locals(errors_without_locals(calls))(SECRET))

    # `guarded` is the outermost decorator. The inner one is not shown.
    assert frames_of(error) == ["caught", "<lambda>", "guarded", "calls", "raises_with"]
    assert 'raise kind(f"{len(local)} value was not pushed")' in "".join(traceback.format_exception(error))


def test_the_frames_below_have_no_variables() -> None:
    error = caught(lambda: errors_without_locals(calls)(SECRET))

    found = error.__traceback__
    while found is not None and found.tb_frame.f_code.co_name != "guarded":
        found = found.tb_next
    assert found is not None
    assert found.tb_next is not None
    assert found.tb_next.tb_frame.f_locals == {}


def test_a_coroutine_is_treated_alike() -> None:
    @errors_without_locals
    async def pull(secret: str) -> None:
        await asyncio.sleep(0)
        calls(secret)

    async def use() -> None:
        await pull(SECRET)

    error = caught(lambda: asyncio.run(use()))

    assert isinstance(error, StoreUnavailable)
    assert frames_of(error)[-4:] == ["guarded", "pull", "calls", "raises_with"]
    own = [frame for frame in _all_frames(error) if frame.f_code.co_name in ("guarded", "pull", "calls", "raises_with")]
    assert SECRET not in repr([dict(frame.f_locals) for frame in own])


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, RecursionError])
def test_errors_of_others_keep_their_type(kind: type[BaseException]) -> None:
    error = caught(lambda: errors_without_locals(raises_with)(SECRET, kind))

    assert type(error) is kind
    assert frames_of(error)[-2:] == ["guarded", "raises_with"]


def test_the_errors_in_a_group_are_treated_alike() -> None:
    @errors_without_locals
    def push(secret: str) -> None:
        errors = [caught(lambda: calls(secret)), caught(lambda: raises_with(secret, ValueError))]
        raise ExceptionGroup("two parts", [ExceptionGroup("inner", errors)])

    error = caught(lambda: push(SECRET))

    assert isinstance(error, ExceptionGroup)
    (inner,) = error.exceptions
    members: list[BaseException] = [inner, *inner.exceptions]
    assert [frames_of(member)[-1] for member in members[1:]] == ["raises_with", "raises_with"]
    assert [secrets_in_frames(member, SECRET) for member in (error, *members)] == [[], [], [], []]
    assert SECRET not in repr([dict(frame.f_locals) for member in members for frame in _all_frames(member)])


def test_an_error_of_ours_loses_the_drivers_error_and_keeps_what_the_caller_handles() -> None:
    @errors_without_locals
    def push() -> None:
        try:
            raise ConnectionError(f"SET {SECRET}")
        except ConnectionError:
            raise StoreUnavailable("Redis is down.") from None

    def handles_another() -> None:
        try:
            raise LookupError("the author's own")
        except LookupError:
            push()

    alone, nested = caught(push), caught(handles_another)

    assert (alone.__context__, alone.__cause__) == (None, None)
    assert isinstance(nested.__context__, LookupError)
    assert nested.__context__.__traceback__ is not None


def test_the_callers_own_frames_keep_their_variables() -> None:
    def author(value: str) -> None:
        kept = value
        try:
            raise LookupError(len(kept))
        except LookupError:
            errors_without_locals(calls)("other")

    error = caught(lambda: author("mine"))

    kept = [dict(frame.f_locals).get("kept") for frame in _all_frames(error) if frame.f_code.co_name == "author"]
    assert kept == ["mine"]
    assert isinstance(error.__context__, LookupError)
    assert error.__context__.__traceback__ is not None
    assert error.__context__.__traceback__.tb_frame.f_locals["kept"] == "mine"


def test_an_authors_generator_that_has_handled_the_cause_goes_on() -> None:
    """A frame of a suspended generator can stand in the traceback of an error that the generator has handled."""
    handled: list[Exception] = []

    def numbers() -> Iterator[int]:
        try:
            raises_with(SECRET)
        except StoreUnavailable as error:
            handled.append(error)
        yield 1
        yield 2

    async def coroutine() -> int:
        try:
            raises_with(SECRET)
        except StoreUnavailable as error:
            handled.append(error)
        await asyncio.sleep(0.01)
        return 2

    @errors_without_locals
    def push() -> None:
        raise LookupError from ExceptionGroup("handled before", handled)

    async def use() -> int:
        running = asyncio.create_task(coroutine())
        await asyncio.sleep(0)
        assert isinstance(caught(push), LookupError)
        return await running

    author = numbers()
    assert next(author) == 1
    assert asyncio.run(use()) == 2
    assert next(author) == 2
    assert len(handled) == 2


def test_a_generator_that_has_ended_has_no_variables() -> None:
    def numbers(secret: str) -> Iterator[int]:
        yield 1
        raises_with(secret)

    error = caught(lambda: errors_without_locals(lambda secret: list(numbers(secret)))(SECRET))

    (frame,) = [frame for frame in _all_frames(error) if frame.f_code.co_name == "numbers"]
    assert frame.f_locals == {}


def test_a_middleware_clears_its_own_frames_and_not_those_of_the_application() -> None:
    def application() -> None:
        visible = "of the application"
        raise LookupError(visible)

    error = caught(lambda: errors_without_own_locals(lambda app, _secret: app())(application, SECRET))

    (frame,) = [frame for frame in _all_frames(error) if frame.f_code.co_name == "application"]
    assert frame.f_locals == {"visible": "of the application"}


def _all_frames(error: BaseException) -> list[Any]:
    frames, found = [], error.__traceback__
    while found is not None:
        frames.append(found.tb_frame)
        found = found.tb_next
    return frames
