"""Every error of this package, as a type.

Each derives from `ExclusiveXComError` and from the builtin that fits, so that `except PermissionError` or
`except LookupError` work, too. The first line of a message is the decision, in at most 100 characters. Further lines
say why, what to do, and the whole ids of the XCom and of who asked. A message never carries a value, a token, a key or
a URL with a password. Exceptions of drivers may carry them, so they are not chained (`raise ... from None`).

Each error is built from one message and nothing else. So it survives `pickle` and `copy`: Airflow sends exceptions
between processes.
"""

from __future__ import annotations


class ExclusiveXComError(Exception):
    """Base of every error that exclusive-redis-xcom raises."""


class XComAccessDenied(ExclusiveXComError, PermissionError):  # noqa: N818 - public name, fixed by the design
    """A task pulled, wrote or removed an XCom that it may not touch.

    The text names the XCom, who asked, who may and how to allow it.
    """


class XComAlreadyClaimed(XComAccessDenied):
    """Another task instance has claimed a value that only one may read (`once`).

    The text names that task instance.
    """


class XComSealed(XComAccessDenied):
    """A sealed value reached this process unopened, and its access list is not the reason.

    The text says which reason it is. No API server with the ring answered. Or the process has no task identity that a
    server could check, as in the triggerer and in callbacks of the DAG processor. Or the task is over, or the key that
    opens the value is gone.
    """


class XComExpired(ExclusiveXComError, LookupError):  # noqa: N818 - public name, fixed by the design
    """Airflow's database holds a reference, but Redis no longer holds the value it points to.

    The clock tells whether the value expired or was lost before its time. Redis does not tell an eviction, a removal
    and a loss apart. The text says when the value was pushed and which TTL it had.

    Attributes:
        replaced: Whether a later push has replaced the value.
    """

    replaced = False


class XComMissing(ExclusiveXComError, LookupError):  # noqa: N818 - public name, fixed by the design
    """Airflow has no row of an XCom that `pull(..., required=True)` asked for.

    Airflow's own `xcom_pull` returns None in this case. The text offers near names.
    """


class XComTooLarge(ExclusiveXComError, ValueError):  # noqa: N818 - public name, fixed by the design
    """A value exceeds `max_value_bytes`. Nothing was sent to Redis."""


class XComNotSerializable(ExclusiveXComError, TypeError):  # noqa: N818 - in line with its siblings
    """A value, or something inside it, has a type that neither this package nor Airflow can carry."""


class XComNotImportable(ExclusiveXComError, ImportError):  # noqa: N818 - in line with its siblings
    """A value needs a class or package that this process may not, or cannot, import.

    The text names the class or package, and says what to configure or install.
    """


class XComNotRebuilt(ExclusiveXComError, ValueError):  # noqa: N818 - in line with its siblings
    """A value arrived whole, but one of its classes does not accept what was pushed. Its code has changed, or failed.

    The text names the class and the type of the class's own error.
    """


class InvalidAcl(ExclusiveXComError, ValueError):  # noqa: N818 - public name, fixed by the design
    """An `xcom_acl` is not well-formed or contradicts its DAG.

    The text names the DAG, the entry and the fix.

    Attributes:
        fault: The kind of mistake, for programs: `malformed`, `unknown-word`, `task-as-key`, `unknown-task`,
            `no-match` or `upstream-consumer`.
        names: The names that lead to the entry, as in `("extract", "token")`; empty where there is no entry.
    """

    fault = "malformed"
    names: tuple[str, ...] = ()


class InvalidReference(ExclusiveXComError, ValueError):  # noqa: N818 - public name, fixed by the design
    """A row in Airflow's database looks like a reference but is forged, damaged or out of place."""


class CorruptValue(ExclusiveXComError, ValueError):  # noqa: N818 - in line with its siblings
    """Redis holds truncated, swapped or foreign data in the place of an XCom."""


class StoreUnavailable(ExclusiveXComError, ConnectionError):  # noqa: N818 - public name, fixed by the design
    """Redis could not be reached, or refused the command, within the retry deadline.

    A pull also raises this error if Airflow's API server, which has the references, did not answer.
    """


class ConfigurationError(ExclusiveXComError, ValueError):
    """A setting of section `exclusive_redis_xcom`, or the thing that it points to, is wrong."""
