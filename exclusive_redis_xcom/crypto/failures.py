"""Why something sealed does not open. The texts hold no key, no payload and nothing that was not checked."""

from __future__ import annotations

import re

_KEY_ID = re.compile(r"[0-9a-f]{16}")


class UnknownKey(ValueError):  # noqa: N818 - the noun says it
    """Sealed with a key that this process does not hold: rotated away, or of another installation."""

    @classmethod
    def of(cls, key_id: str, setting: str) -> UnknownKey:
        """The error for a key id, which may be untrusted, that is not among the keys of a setting."""
        shown = f"'{key_id}'" if _KEY_ID.fullmatch(key_id) else "that is not even well-formed"
        return cls(f"No key with the id {shown} is among the {setting} of this process.")


class Forged(ValueError):  # noqa: N818 - the noun says it
    """Not what was sealed for this place under this key: changed, cut, or taken from elsewhere."""
