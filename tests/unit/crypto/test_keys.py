"""Keys as texts, and the objects that hold them."""

from __future__ import annotations

import base64
import copy
import hashlib
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusive_redis_xcom import crypto
from exclusive_redis_xcom.crypto import EncryptionKeys, SealPrivateKeys, SealPublicKey
from tests.unit.crypto.tampering import error_text, shows

PUBLIC_TEXT, PRIVATE_TEXT = crypto.generate_seal_keys()
ENCRYPTION_TEXT = crypto.generate_encryption_key()
TEXTS = {"public": PUBLIC_TEXT, "private": PRIVATE_TEXT, "encryption": ENCRYPTION_TEXT}
PARSERS: dict[str, Callable[[str], Any]] = {
    "public": SealPublicKey.parse,
    "private": SealPrivateKeys.parse,
    "encryption": EncryptionKeys.parse,
}
HOLDERS = [SealPrivateKeys, EncryptionKeys]
PREFIXES = {SealPrivateKeys: "xrx-key-", EncryptionKeys: "xrx-enc-"}


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text[8:] + "=")


def key_text(prefix: str, number: int) -> str:
    return prefix + base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")


def test_texts_tell_what_they_are() -> None:
    assert [text[:8] for text in TEXTS.values()] == ["xrx-pub-", "xrx-key-", "xrx-enc-"]
    assert {len(raw(text)) for text in TEXTS.values()} == {32}


def test_generated_keys_never_repeat() -> None:
    pairs = [crypto.generate_seal_keys() for _ in range(200)]
    keys = {*(text for pair in pairs for text in pair), *(crypto.generate_encryption_key() for _ in range(200))}

    assert len(keys) == 600


def test_the_key_id_is_the_start_of_the_sha_256_of_the_public_key() -> None:
    public = SealPublicKey.parse(PUBLIC_TEXT)

    assert public.key_id == hashlib.sha256(raw(PUBLIC_TEXT)).hexdigest()[:16]
    assert SealPrivateKeys.parse(PRIVATE_TEXT).key_ids == (public.key_id,)


def test_a_public_key_is_its_text() -> None:
    public = SealPublicKey.parse(f"  {PUBLIC_TEXT}\n")

    assert public.text == PUBLIC_TEXT
    assert public == SealPublicKey.parse(PUBLIC_TEXT)
    assert public == pickle.loads(pickle.dumps(public)) == copy.deepcopy(public)  # noqa: S301 - our own
    assert repr(public) == f"<SealPublicKey {public.key_id}>"


def test_the_public_half_of_the_newest_private_key_is_known() -> None:
    assert SealPrivateKeys.parse(PRIVATE_TEXT).public == SealPublicKey.parse(PUBLIC_TEXT)


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("text", ["", " ", "\n", ",", " ,\n, "])
def test_a_list_without_keys_is_empty_and_false(holder: type[SealPrivateKeys], text: str) -> None:
    keys = holder.parse(text)

    assert not keys
    assert keys.key_ids == ()
    assert keys == holder.parse("") == holder()


def test_an_empty_list_has_no_newest_key() -> None:
    with pytest.raises(ValueError, match="no private sealing key"):
        _ = SealPrivateKeys().public
    with pytest.raises(ValueError, match="no encryption key"):
        _ = EncryptionKeys().newest_id


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("separator", [",", " ", "\n", ", ", "\r\n", ",\n\t", ",,"])
def test_a_list_is_in_the_order_given(holder: type[SealPrivateKeys], separator: str) -> None:
    texts = [key_text(PREFIXES[holder], number) for number in (1, 2, 3)]

    keys = holder.parse(separator.join(texts) + separator)

    assert keys
    assert len(keys) == 3
    assert keys.key_ids == tuple(holder.parse(text).key_ids[0] for text in texts)


def test_the_newest_encryption_key_is_the_first() -> None:
    keys = EncryptionKeys.parse(f"{ENCRYPTION_TEXT} {crypto.generate_encryption_key()}")

    assert keys.newest_id == keys.key_ids[0] == EncryptionKeys.parse(ENCRYPTION_TEXT).newest_id


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_key_given_twice_counts_once_where_it_stood_first(holder: type[SealPrivateKeys]) -> None:
    one, two = (key_text(PREFIXES[holder], number) for number in (1, 2))

    assert holder.parse(f"{one},{two},{one}") == holder.parse(f"{one},{two}")


@pytest.mark.parametrize("holder", HOLDERS)
def test_64_keys_are_taken_and_not_one_more(holder: type[SealPrivateKeys]) -> None:
    texts = [key_text(PREFIXES[holder], number) for number in range(1, 66)]

    assert len(set(holder.parse(",".join(texts[:64])).key_ids)) == 64
    with pytest.raises(ValueError, match="at most 64 keys are taken; the list has 65"):
        holder.parse(",".join(texts))


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("count", [1_000, 1_000_000])
def test_thousands_of_keys_are_refused_at_once(holder: type[SealPrivateKeys], count: int) -> None:
    with pytest.raises(ValueError, match="at most"):
        holder.parse("\n".join([key_text(PREFIXES[holder], number) for number in range(1_000)] * (count // 1_000)))


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_text_longer_than_any_list_is_not_even_looked_at(holder: type[SealPrivateKeys]) -> None:
    assert not holder.parse(" " * 65536)
    with pytest.raises(ValueError, match="at most 65536 characters long; this one has 65537"):
        holder.parse(" " * 65537)


@pytest.mark.parametrize(
    ("wanted", "given", "told"),
    [
        ("public", "private", "this is a private sealing key, it belongs in seal_private_keys, on API servers only"),
        ("public", "encryption", "this is an encryption key, it belongs in encryption_keys"),
        ("private", "public", "this is a public sealing key, it belongs in seal_public_key, on workers"),
        ("private", "encryption", "this is an encryption key, it belongs in encryption_keys"),
        ("encryption", "public", "this is a public sealing key, it belongs in seal_public_key, on workers"),
        ("encryption", "private", "this is a private sealing key, it belongs in seal_private_keys"),
    ],
)
def test_one_kind_of_key_in_the_place_of_another_is_refused_by_name(wanted: str, given: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        PARSERS[wanted](TEXTS[given])

    assert not shows(error_text(caught.value), raw(TEXTS[given]))


WRONG = {
    "empty": lambda text: text[:8],
    "one short": lambda text: text[:-1],
    "one more": lambda text: text + "A",
    "padded": lambda text: text + "=",
    "plain base64": lambda text: text[:20] + "+/" + text[22:],
    "a quote": lambda text: f'"{text}"',
    "no prefix": lambda text: text[8:],
    "upper case": lambda text: text.upper(),
    "not ascii": lambda text: text[:-1] + "é",
    "full width": lambda text: text[:-1] + "\uff21",
    "a null": lambda text: text[:-1] + "\0",
    "a surrogate": lambda text: text[:-1] + "\ud800",
    "an assignment": lambda text: "KEY=" + text,
}


@pytest.mark.parametrize("wanted", PARSERS)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_key_is_refused_without_quoting_it(wanted: str, wrong: str) -> None:
    text = WRONG[wrong](TEXTS[wanted])

    with pytest.raises(ValueError, match="exclusive-xcom keygen") as caught:
        PARSERS[wanted](text)

    shown = error_text(caught.value)
    assert caught.value.__context__ is None
    assert not any(text[start : start + 10] in shown for start in range(9, len(text) - 10))


@pytest.mark.parametrize("wanted", PARSERS)
def test_a_key_has_one_text_only(wanted: str) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    text = TEXTS[wanted]
    taken = []
    for last in alphabet:
        try:
            PARSERS[wanted](text[:-1] + last)
        except ValueError:
            continue
        taken.append(last)

    assert text[-1] in taken
    assert len(taken) == 16  # 4 bits of the last character are key, 2 are not


@pytest.mark.parametrize("wanted", PARSERS)
@given(text=st.text(st.characters(), max_size=100) | st.text("xrx-pubkeyn ,A\n", max_size=60))
def test_any_other_text_is_a_value_error_and_nothing_worse(wanted: str, text: str) -> None:
    try:
        keys = PARSERS[wanted](text)
    except ValueError:
        return
    assert wanted != "public"
    assert not keys


@pytest.mark.parametrize("wanted", PARSERS)
@pytest.mark.parametrize("other", [None, 1, b"xrx-key-", ["xrx-key-"]])
def test_what_is_no_text_is_a_value_error(wanted: str, other: Any) -> None:
    with pytest.raises(ValueError, match="a text"):
        PARSERS[wanted](other)


def test_the_wrong_key_of_a_list_is_named_by_its_place() -> None:
    with pytest.raises(ValueError, match="key 2 of the list: this is a public sealing key"):
        SealPrivateKeys.parse(f"{PRIVATE_TEXT},{PUBLIC_TEXT}")


@pytest.mark.parametrize("keys", [SealPrivateKeys.parse(PRIVATE_TEXT), EncryptionKeys.parse(ENCRYPTION_TEXT)], ids=type)
class TestHoldersHide:
    def test_in_every_text_form(self, keys: SealPrivateKeys) -> None:
        _ = keys.key_ids  # also after the key was used
        for text in (repr(keys), str(keys), f"{keys}", repr([keys]), repr({"keys": keys})):
            assert f"<{type(keys).__name__}: 1 hidden>" in text
            assert not shows(text, raw(PRIVATE_TEXT), raw(ENCRYPTION_TEXT))

    def test_in_having_no_dict_to_dump(self, keys: SealPrivateKeys) -> None:
        with pytest.raises(TypeError):
            vars(keys)

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_in_refusing_to_be_pickled(self, keys: SealPrivateKeys, protocol: int) -> None:
        with pytest.raises(TypeError, match=f"^{type(keys).__name__} is not pickled") as caught:
            pickle.dumps({"settings": [keys]}, protocol)

        assert not shows(error_text(caught.value), raw(PRIVATE_TEXT), raw(ENCRYPTION_TEXT))

    def test_in_copies_that_are_themselves(self, keys: SealPrivateKeys) -> None:
        assert copy.copy(keys) is keys
        assert copy.deepcopy([keys])[0] is keys


def test_holders_of_the_same_keys_are_equal() -> None:
    keys = SealPrivateKeys.parse(PRIVATE_TEXT)

    assert keys == SealPrivateKeys.parse(f" {PRIVATE_TEXT} ")
    assert hash(keys) == hash(SealPrivateKeys.parse(PRIVATE_TEXT))
    assert keys != SealPrivateKeys()
    assert keys != PRIVATE_TEXT
    assert SealPrivateKeys() != EncryptionKeys()
