"""Why a seal does not open, or a payload cannot be decrypted.

The texts hold no key, no payload and no unchecked text.
"""

from __future__ import annotations

import re

_KEY_ID = re.compile(r"[0-9a-f]{16}")


class UnknownKey(ValueError):  # noqa: N818 - the noun says it
    """This process does not hold the key: it was rotated away, or belongs to another installation."""

    @classmethod
    def of(cls, key_id: str, setting: str) -> UnknownKey:
        """Return the error for a key id, maybe an untrusted one, that is not among the keys of a setting."""
        shown = f"'{key_id}'" if _KEY_ID.fullmatch(key_id) else "that is not even well-formed"
        return cls(f"No key with the id {shown} is among the {setting} of this process.")


class Forged(ValueError):  # noqa: N818 - the noun says it
    """The bytes were not sealed or encrypted for this place under this key: they were changed, cut or moved."""
