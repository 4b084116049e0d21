"""The codec's own error, and the one that codec modules raise among themselves."""

from __future__ import annotations

from exclusive_redis_xcom.errors import ExclusiveXComError


class XComNotImportable(ExclusiveXComError, ImportError):  # noqa: N818 - in line with its siblings
    """A value needs a class or package that this process may not, or cannot, import.

    The text names the class or package and says what to configure or install.
    """


class NotCarriedError(Exception):
    """No codec for this object; becomes `XComNotSerializable` once its position is known."""
