"""What an error reply of Redis means.

An error begins with a code in capitals, such as OOM, or it is a sentence. "DB index is out of range" is a sentence, and
DB is no code. So only codes that servers are known to send count as codes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exclusive_redis_xcom.connection.failure import Failure, later

if TYPE_CHECKING:
    from exclusive_redis_xcom.connection.redis_options import RedisOptions

# redis-py removes some of the codes and turns them into classes.
_CODES_BY_CLASS = {
    "AskError": "ASK",
    "BusyLoadingError": "LOADING",
    "ClusterCrossSlotError": "CROSSSLOT",
    "ClusterDownError": "CLUSTERDOWN",
    "ExecAbortError": "EXECABORT",
    "MasterDownError": "MASTERDOWN",
    "MovedError": "MOVED",
    "NoPermissionError": "NOPERM",
    "NoScriptError": "NOSCRIPT",
    "OutOfMemoryError": "OOM",
    "ReadOnlyError": "READONLY",
    "TryAgainError": "TRYAGAIN",
}
_CODES = frozenset(
    {*_CODES_BY_CLASS.values()}
    | {"BUSY", "BUSYGROUP", "BUSYKEY", "DENIED", "INPROG", "INVALIDOBJ", "IOERR", "MISCONF", "NOAUTH", "NOGOODSLAVE"}
    | {"NOGROUP", "NOMASTERLINK", "NOPROTO", "NOQUORUM", "NOREPLICAS", "NOTBUSY", "REDIRECT", "UNBLOCKED"}
    | {"UNKILLABLE", "WRONGPASS", "WRONGTYPE"}
)
_CODE = re.compile(r"-?([A-Z]+)(?: |$)")
# Redis 6.2 wraps an error inside a script: "ERR Error running script (call to f_...): @user_script:9: -OOM ...".
_CODE_IN_SCRIPT = re.compile(r"@user_script: ?\d+: -?([A-Z]+)\b")
# EXEC answers so where a transaction is refused as a whole: "EXECABORT Transaction discarded because of: OOM ...".
_CODE_OF_TRANSACTION = re.compile(r"Transaction discarded because of: -?([A-Z]+)\b")
# The texts for NOPERM inside a script: up to Redis 7.0, and since 7.2.
_NOPERM_IN_SCRIPT = ("The user executing the script can't", "ACL failure in script")
# Only letters are repeated: what follows the name in the reply are arguments of the command.
_UNKNOWN_COMMAND = re.compile(r"(?:ERR )?unknown (?:sub)?command ['`]([A-Za-z|]{1,30})['`]", re.IGNORECASE)
_TOO_MANY_CLIENTS = "max number of clients"
_NO_DATABASE = "DB index is out of range"
_NO_DATABASES = "SELECT is not allowed in cluster mode"
_OF_THE_CONNECTION = (_TOO_MANY_CLIENTS, _NO_DATABASE, _NO_DATABASES)

_FAILURES = {
    "BUSY": Failure(
        "Redis is busy with another program's long script (BUSY)",
        "This passes when that script ends. Then SLOWLOG GET shows it. SCRIPT KILL or FUNCTION KILL ends it.",
        retry=True,
    ),
    "LOADING": later("Redis is still loading its data"),
    "TRYAGAIN": later("the cluster is moving this slot"),
    "CLUSTERDOWN": later("the cluster is down"),
    "MASTERDOWN": later("the replica has lost its master"),
    "NOREPLICAS": later("Redis has too few replicas to accept a write (min-replicas-to-write)"),
    "READONLY": Failure(
        "this Redis is a read-only replica", "Point the settings at the master, or at its Sentinels.", retry=True
    ),
    "OOM": Failure(
        "Redis is out of memory (maxmemory) and refuses writes",
        "Raise maxmemory or shorten ttl_seconds. What was stored before is unchanged.",
    ),
    "NOPERM": Failure(
        "the Redis user may not do this (NOPERM)",
        "Give the Redis user the commands and the key prefix that `exclusive-xcom redis-users` prints.",
        rights=True,
    ),
    "WRONGTYPE": Failure(
        "another program keeps something else under this name (WRONGTYPE)",
        "Give this package a key_prefix of its own, or remove the key.",
    ),
    "MISCONF": Failure("Redis cannot save to disk and refuses writes (MISCONF)", "Look at its log and its disk."),
    "MOVED": Failure(
        "this Redis belongs to a cluster", "Use redis+cluster:// or the connection's extra 'cluster': true."
    ),
    "DENIED": Failure(
        "Redis runs in protected mode (DENIED)",
        "It has no password, so it serves only clients on its own machine. Set a password in redis.conf.",
    ),
}
_FAILURES["ASK"] = _FAILURES["MOVED"]
_TOO_MANY = Failure(
    "Redis has as many clients as it allows (maxclients)",
    "Raise maxclients in redis.conf, or let fewer tasks and programs connect. CLIENT LIST shows who is connected.",
    retry=True,
)


def code_of(error: Exception) -> str:
    """Return Redis' own code for an error, such as OOM; "" where the error has none."""
    for cls in type(error).__mro__:
        if cls.__name__ in _CODES_BY_CLASS and cls.__name__ != "ExecAbortError":
            return _CODES_BY_CLASS[cls.__name__]
    text = str(error)
    if any(words in text for words in _NOPERM_IN_SCRIPT):
        return "NOPERM"
    found = _CODE_IN_SCRIPT.search(text) or _CODE_OF_TRANSACTION.search(text) or _CODE.match(text)
    if found and found[1] in _CODES:
        return found[1]
    return next((_CODES_BY_CLASS[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in _CODES_BY_CLASS), "")


def too_many_clients(error: Exception) -> Failure | None:
    """Return what it means that Redis takes no more clients. None if `error` says something else."""
    return _TOO_MANY if _TOO_MANY_CLIENTS in str(error) else None


def refuses_command(error: Exception) -> bool:
    """Return whether Redis refuses this one command: the user lacks the right, or an operator has switched it off."""
    code = code_of(error)
    return code == "NOPERM" or not (code or any(words in str(error) for words in _OF_THE_CONNECTION))


def refused(error: Exception, options: RedisOptions) -> Failure:
    """Return what a refusal of Redis means."""
    code, text = code_of(error), str(error)
    if code in _FAILURES:
        return _FAILURES[code]
    if _NO_DATABASE in text:
        return Failure(
            f"this Redis has no database {options.db}",
            f"Correct the database in {options.place}, or raise 'databases' in redis.conf.",
            wrong_setting=True,
        )
    if _NO_DATABASES in text:
        return Failure(
            f"this Redis is a cluster, and a cluster has no database {options.db}",
            f"Take it out of {options.place}. Use redis+cluster:// or the connection's extra 'cluster': true.",
            wrong_setting=True,
        )
    unknown = _UNKNOWN_COMMAND.search(text)
    if unknown:
        return Failure(
            f"this Redis does not know the command {unknown[1].upper()}",
            "It is older than 6.2, or its operator has renamed or switched off the command. Use another Redis.",
        )
    return too_many_clients(error) or Failure(
        f"Redis refused it ({code})" if code else "Redis refused it, and gave no code", "Look at Redis' log."
    )
