"""A list of secret keys that cannot be shown, pickled or changed by mistake."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from exclusive_redis_xcom.crypto import key_texts
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    from typing_extensions import Self


class SecretKeys:
    """Keys of one kind, newest first. The list is false when it is empty.

    `repr` shows how many keys there are. `pickle` refuses. A copy is the same object.
    """

    __slots__ = ("_raw",)

    kind: ClassVar[key_texts.Kind]

    def __init__(self, raw: tuple[bytes, ...] = ()) -> None:
        self._raw = raw

    @classmethod
    @errors_without_locals
    def parse(cls, text: str) -> Self:
        """Read a list of key texts, newest first, with commas, spaces or line breaks between them. "" holds no key.

        Raises:
            ValueError: An item is no key of this kind. The message says which item and why, without quoting it.
        """
        raw, problem = key_texts.read_list(text, cls.kind)
        if problem:
            raise ValueError(problem)
        return cls(raw)

    def __bool__(self) -> bool:
        return bool(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return hmac.compare_digest(b"".join(self._raw), b"".join(other._raw))

    def __hash__(self) -> int:
        return hash((type(self), self._raw))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._raw)} hidden>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        msg = f"{type(self).__name__} is not pickled: keys stay in the process that was given them."
        raise TypeError(msg)
