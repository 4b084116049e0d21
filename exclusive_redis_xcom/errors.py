"""What can go wrong, as types.

Every error of this package derives from `ExclusiveXComError` and from the builtin that fits, so
that `except PermissionError` or `except LookupError` work too. A message names the DAG, task and key,
who asked, why it failed and what to do. It never carries a value, a token, a key or a URL with a password:
drivers' exceptions, which may, are not chained (`raise ... from None`).

All errors are built from one message and nothing else, so that they survive `pickle` and `copy`
(Airflow sends exceptions between processes).
"""

from __future__ import annotations


class ExclusiveXComError(Exception):
    """Base of every error that exclusive-redis-xcom raises."""


class XComAccessDenied(ExclusiveXComError, PermissionError):  # noqa: N818 - public name, fixed by the design
    """A task asked for, wrote or removed an XCom that it may not touch.

    The text names the XCom, who asked, who may and how to allow it.
    """


class XComAlreadyClaimed(XComAccessDenied):
    """A value that only one task instance may read (`once`) was claimed by another.

    The text names the task instance that has it.
    """


class XComSealed(XComAccessDenied):
    """A sealed value reached this process unopened, for another reason than its access list.

    No API server with the ring answered, the process has no task identity that a server could check (triggerer,
    callbacks of the DAG processor), the task is over, or the key the value was sealed to is gone. The text says which.
    """


class XComExpired(ExclusiveXComError, LookupError):  # noqa: N818 - public name, fixed by the design
    """Airflow's database holds a reference, but Redis no longer holds the value it points to.

    Expiry, eviction and loss cannot be told apart from here; the text says when the value was pushed and
    which TTL it had.
    """


class XComTooLarge(ExclusiveXComError, ValueError):  # noqa: N818 - public name, fixed by the design
    """A value exceeds `max_value_bytes`; nothing was sent to Redis."""


class XComNotSerializable(ExclusiveXComError, TypeError):  # noqa: N818 - in line with its siblings
    """A value, or something inside it, has a type that neither this package nor Airflow can carry."""


class XComNotImportable(ExclusiveXComError, ImportError):  # noqa: N818 - in line with its siblings
    """A value needs a class or package that this process may not, or cannot, import.

    The text names the class or package, and says what to configure or install.
    """


class InvalidAcl(ExclusiveXComError, ValueError):  # noqa: N818 - public name, fixed by the design
    """An `xcom_acl` is not well-formed or contradicts its DAG.

    The text names the DAG, the entry and the fix.
    """


class InvalidReference(ExclusiveXComError, ValueError):  # noqa: N818 - public name, fixed by the design
    """A row in Airflow's database looks like a reference but is forged, damaged or out of place."""


class CorruptValue(ExclusiveXComError, ValueError):  # noqa: N818 - in line with its siblings
    """What Redis holds for an XCom is not what was written there: truncated, swapped or foreign data."""


class StoreUnavailable(ExclusiveXComError, ConnectionError):  # noqa: N818 - public name, fixed by the design
    """Redis could not be reached, or refused the command, within the retry deadline."""


class ConfigurationError(ExclusiveXComError, ValueError):
    """A setting of section `exclusive_redis_xcom`, or what it points to, is wrong."""
