"""Tell whether a key is named like a secret.

A name is read word by word: `api_token`, `apiToken` and `API-TOKEN` are the words "api" and "token". Its last words say
what it is: `password_policy` is a policy, and `token_count` is a count. So the last words decide. Numbers and words
that only tell the form of a value are skipped there, as in `password_value` or `token_v2`.

"tokens" alone are usually counted things, and `page_token` or `next_token` marks a place in a list. So "tokens" need a
word such as "access" before them, and a "token" must not have a word such as "page" before it.
"""

from __future__ import annotations

import re
from typing import Final

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Last words that say nothing about what a value is.
_FORMS: Final = _words(
    "value val text string str raw plain plaintext base64 b b64 hex pem env json bytes v old new current prod dev "
    "staging"
)
_SECRETS: Final = _words(
    "password passwords passwd passphrase passphrases pwd secret secrets credential credentials creds apikey apikeys "
    "accesskey secretkey privatekey authtoken apitoken accesstoken jwt otp"
)
#: A key is a secret if such a word stands before it, as in `private_key`.
_SECRET_KEYS: Final = _words(
    "api private secret access encryption decryption signing master ssh pgp gpg rsa aes hmac fernet auth account "
    "service license"
)
#: "tokens" are secrets after these words.
_OF_TOKENS: Final = _words("access auth api refresh bearer session id oauth jwt sas secret security")
#: A "token" is no secret after these words: it marks a place in a list or in a text.
_MARKS: Final = _words(
    "next page pagination continuation continue sync cursor resume start end eos bos pad unk unknown mask cls sep stop "
    "per first last"
)


def is_secret_name(key: str) -> bool:
    """Tell whether a key is named like a password, a token, a secret key or other credentials."""
    words = [word.lower() for word in _WORD.findall(key)]
    while len(words) > 1 and (words[-1].isdigit() or words[-1] in _FORMS):
        words.pop()
    if not words:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last in ("key", "keys"):
        return before in _SECRET_KEYS
    if last == "token":
        return before not in _MARKS
    if last == "tokens":
        return before in _OF_TOKENS
    return last in _SECRETS
