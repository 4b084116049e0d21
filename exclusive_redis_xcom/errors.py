"""Every error of this package, as a type.

Each derives from `ExclusiveXComError` and from the builtin that fits, so that `except PermissionError` or
`except LookupError` work, too. The first line of a message is the decision, in at most 100 characters. Further lines
say why, what to do, and the whole ids of the XCom and of who asked. A message never carries a value, a token, a key or
a URL with a password. Exceptions of drivers may carry them, so they are not chained (`raise ... from None`).

Each error is built from one message and nothing else. So it survives `pickle` and `copy`: Airflow sends exceptions
between processes.

docs/reference/errors.md is made of the docstrings here.
"""

from __future__ import annotations


class ExclusiveXComError(Exception):
    """Base of every error that exclusive-redis-xcom raises."""


class XComAccessDenied(ExclusiveXComError, PermissionError):  # noqa: N818 - public name, fixed by the design
    """A task pulled an XCom whose rule does not name it. Or a task pushed or removed another task's XCom.

    The text names the XCom, who asked and who may.

    What to do: Change the DAG file as the text shows. Then clear the producer: the rule is stored with the value.
    """


class XComAlreadyClaimed(XComAccessDenied):
    """Another task instance has claimed a value that only one may read (`once`).

    The text names that task instance.

    What to do: Clear the producer to have the value again.
    """


class XComSealed(XComAccessDenied):
    """A sealed value reached this process unopened, and its access list is not the reason.

    The text says which reason it is. No API server with the ring answered. Or the process has no task identity that a
    server could check, as in the triggerer and in callbacks of the DAG processor. Or the task is over, or the key that
    opens the value is gone.

    What to do: Let `exclusive-xcom doctor` look for the ring. Pull inside the running task. If a private key was
    removed, put it back, or clear the producer.
    """


class XComExpired(ExclusiveXComError, LookupError):  # noqa: N818 - public name, fixed by the design
    """Airflow's database holds a reference, but Redis no longer holds the value it points to.

    The same holds for a value in object storage. The text says whether the value expired, was lost before its time or
    was replaced. It also says when the value was pushed and which TTL it had. Redis does not tell an eviction, a
    removal and a loss apart.

    What to do: Clear the producing task. If the value expired, raise `ttl_seconds` of its rule or of the settings. If
    it was lost, let Redis run with `maxmemory-policy noeviction`.

    Attributes:
        replaced: Whether a later push has replaced the value.
    """

    replaced = False


class XComMissing(ExclusiveXComError, LookupError):  # noqa: N818 - public name, fixed by the design
    """Airflow has no row of an XCom that `pull(..., required=True)` asked for.

    Airflow's own `xcom_pull` returns None in this case. The text offers near names of the same DAG.

    What to do: Correct the name, or let the producer push the key.
    """


class XComTooLarge(ExclusiveXComError, ValueError):  # noqa: N818 - public name, fixed by the design
    """A value exceeds `max_value_bytes` of the pushing worker, or of the pulling one.

    A push sends nothing to Redis in this case.

    What to do: Pass a path instead of the data, or raise the limit on all workers. `spill_path` does not lift the
    limit.
    """


class XComNotSerializable(ExclusiveXComError, TypeError):  # noqa: N818 - in line with its siblings
    """A value, or something inside it, has a type that neither this package nor Airflow can carry.

    What to do: Push a value of another type, or register a plug for the type.
    """


class XComNotImportable(ExclusiveXComError, ImportError):  # noqa: N818 - in line with its siblings
    """A value needs a class, package or plug that this process may not, or cannot, import.

    The text names it.

    What to do: Add the class to `[core] allowed_deserialization_classes`, as for Airflow's default backend. Or install
    the package that the text names. Tables need `[arrow]` or `[polars]`.
    """


class XComNotRebuilt(ExclusiveXComError, ValueError):  # noqa: N818 - in line with its siblings
    """A value arrived whole, but one of its classes does not accept what was pushed. Its code has changed, or failed.

    The text names the class and the type of the class's own error.

    What to do: Let the class accept the older fields, or clear the producing task.
    """


class InvalidAcl(ExclusiveXComError, ValueError):  # noqa: N818 - public name, fixed by the design
    """An `xcom_acl` is not well-formed or contradicts its DAG. This is an import error of the DAG.

    The text names the DAG and the entry.

    What to do: Change the DAG file as the text says.

    Attributes:
        fault: The kind of mistake, for programs: `malformed`, `unknown-word`, `task-as-key`, `unknown-task`,
            `no-match` or `upstream-consumer`.
        names: The names that lead to the entry, as in `("extract", "token")`; empty where there is no entry.
    """

    fault = "malformed"
    names: tuple[str, ...] = ()


class InvalidReference(ExclusiveXComError, ValueError):  # noqa: N818 - public name, fixed by the design
    """A row in Airflow's database looks like a reference but is forged, damaged or out of place.

    Or a newer release wrote the row, two keys share a row, or a plain list in a row holds a reference. The text says
    which.

    What to do: Clear the producing task, upgrade this worker, rename a key, or pull the XCom instead of reading its
    row.
    """


class CorruptValue(ExclusiveXComError, ValueError):  # noqa: N818 - in line with its siblings
    """Redis holds truncated, swapped or foreign data in the place of an XCom.

    Or Redis holds a plain value although values are sealed or encrypted. It may be older than that setting. The text
    says which.

    What to do: For older plain values, set `allow_plaintext_read` until they have expired. Otherwise find out who
    writes to that Redis, and clear the producing task.
    """


class StoreUnavailable(ExclusiveXComError, ConnectionError):  # noqa: N818 - public name, fixed by the design
    """Redis could not be reached, or refused the command, within the retry deadline.

    Large values raise it if their object storage did so. A pull also raises this error if Airflow's API server, which
    has the references, did not answer. The text says which.

    What to do: Mend the connection or the rights. The task's retry is safe.
    """


class ConfigurationError(ExclusiveXComError, ValueError):
    """A setting of section `exclusive_redis_xcom`, or the thing that it points to, is wrong.

    The first line of the text names the setting.

    What to do: Correct it. The last line of the text names its place in `airflow.cfg` and its environment variable.
    """
