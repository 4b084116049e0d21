"""The Lua scripts in `lua/`, the order of their arguments, and how to run one by its digest or in full."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from exclusive_redis_xcom.formats import description, digests, mark, packed_rule, redis_names, shared_rules
from exclusive_redis_xcom.memory import Buffer
from exclusive_redis_xcom.model import NOT_MAPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.session import Session
    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.values import Push

#: Releases before this one read no later generation.
_EARLIER_GENERATION = 2

Argument: TypeAlias = Union[str, int, Buffer]  # noqa: UP007 - evaluated at import


@dataclass(frozen=True, slots=True)
class Script:
    """A script on one key."""

    name: str
    source: str = field(repr=False)
    sha1: str

    @classmethod
    def load(cls, name: str) -> Script:
        """Read `lua/<name>.lua`."""
        source = (resources.files(__package__) / "lua" / f"{name}.lua").read_text(encoding="utf-8")
        # Redis names scripts by SHA-1. The digest protects nothing.
        return cls(name, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())

    def command(self, key: str, *arguments: Argument) -> tuple[Argument, ...]:
        """Return the command that runs the script on `key`, with its source."""
        return ("EVAL", self.source, 1, key, *arguments)

    def run(self, session: Session, key: str, *arguments: Argument) -> Any:
        """Run the script on `key`.

        After a restart, a failover or SCRIPT FLUSH, Redis answers NOSCRIPT. EVAL then sends the source, and Redis knows
        it again.

        Raises:
            redis.RedisError: As the session does.
        """
        from redis.exceptions import NoScriptError

        try:
            return session.call(key, ("EVALSHA", self.sha1, 1, key, *arguments))
        except NoScriptError:
            return session.call(key, self.command(key, *arguments))

    def run_many(self, session: Session, calls: Sequence[tuple[str, tuple[Argument, ...]]]) -> list[Any]:
        """Run the script on many keys, each with its arguments, in few round trips; return the replies in order.

        The source is always sent. If calls named the digest, some would run, and some nodes would answer NOSCRIPT.

        Raises:
            redis.RedisError: As the session does. Some calls may have run.
        """
        if len(calls) == 1:
            ((key, arguments),) = calls
            return [self.run(session, key, *arguments)]
        return session.call_many([(key, self.command(key, *arguments)) for key, arguments in calls])


PART = Script.load("part")
PUSH = Script.load("push")
PUSH_2 = Script.load("push_2")
PURGE = Script.load("purge")
SWEEP = Script.load("sweep")
CLAIM = Script.load("claim")
COMMIT = Script.load("commit")
COMPLETE = Script.load("complete")
BEAT = Script.load("beat")
LEAVE = Script.load("leave")
DISTRUST = Script.load("distrust")
INVENTORY = Script.load("inventory")
KNOWN = Script.load("known")
OBSERVE = Script.load("observe")
OBSERVED = Script.load("observed")
OBSERVED_DAYS = Script.load("observed_days")


def push_call(push: Push, generation: int) -> tuple[Script, tuple[Argument, ...]]:
    """Return the script that pushes a value, and its ARGV.

    Args:
        push: What to push.
        generation: In which generation to write it (`formats/redis_names.py`): 2 or 3.
    """
    return (PUSH_2, _push_2_arguments(push)) if generation == _EARLIER_GENERATION else (PUSH, _push_arguments(push))


def _push_arguments(push: Push) -> tuple[Argument, ...]:
    """Return ARGV of `lua/push.lua`, in the order of its header."""
    envelope, at = push.envelope, push.envelope.coordinate
    index, is_compact = at.map_index, envelope.spilled is None
    described = push.description
    if is_compact:
        rule = None if push.own_acl is None else digests.rule_of(push.own_acl)
        data = envelope.pack_compact(rule, description.inner(described))
        described = b""
    else:
        data = envelope.pack()
    own_rule = b"" if push.own_acl is None else shared_rules.entry(packed_rule.pack(push.own_acl, at))
    return (
        redis_names.ACL_FIELD,
        packed_rule.pack(push.acl, at),
        redis_names.field_name(index),
        data,
        push.ttl_ms,
        "1" if index != NOT_MAPPED else "",
        envelope.version,
        redis_names.claim_name(index),
        "1" if push.once else "",
        redis_names.parts_name(index),
        envelope.parts,
        redis_names.committed_name(index),
        mark.start(envelope.version, len(data), described=bool(described), generation=3) if push.watched else "",
        redis_names.spilled_name(index),
        envelope.spilled or "",
        redis_names.COMPLETE_FIELD,
        redis_names.description_name(index),
        described,
        redis_names.rule_name(index),
        own_rule,
        redis_names.RULES_FIELD,
        "1" if is_compact else "",
    )


def _push_2_arguments(push: Push) -> tuple[Argument, ...]:
    """Return ARGV of `lua/push_2.lua`, in the order of its header."""
    envelope = push.envelope
    index, data = envelope.coordinate.map_index, envelope.pack()
    return (
        redis_names.ACL_FIELD,
        push.acl,
        redis_names.field_name(index),
        data,
        push.ttl_ms,
        "1" if index != NOT_MAPPED else "",
        envelope.version,
        redis_names.claim_name(index),
        "1" if push.once else "",
        redis_names.parts_name(index),
        envelope.parts,
        redis_names.committed_name(index),
        mark.start(envelope.version, len(data), described=bool(push.description), generation=2) if push.watched else "",
        redis_names.spilled_name(index),
        envelope.spilled or "",
        redis_names.COMPLETE_FIELD,
        redis_names.description_name(index),
        push.description,
        *(() if push.own_acl is None else (redis_names.rule_name(index), push.own_acl)),
    )


def purge_arguments(at: Coordinate) -> tuple[Argument, ...]:
    """Return ARGV of `lua/purge.lua`, in the order of its header."""
    index = at.map_index
    return (
        redis_names.ACL_FIELD,
        redis_names.field_name(index),
        redis_names.parts_name(index),
        redis_names.RULES_FIELD,
        redis_names.rule_name(index),
        redis_names.claim_name(index),
        redis_names.committed_name(index),
        redis_names.spilled_name(index),
        redis_names.description_name(index),
        redis_names.COMPLETE_FIELD,
    )


def sweep_arguments(at: Coordinate, most: int, *, given_up: str = "") -> tuple[Argument, ...]:
    """Return ARGV of `lua/sweep.lua`, in the order of its header.

    Args:
        at: The XCom whose parts are to be removed.
        most: How many parts to remove at most.
        given_up: A version whose push failed. Its parts are removed as well.
    """
    index = at.map_index
    value, rules = redis_names.field_name(index), redis_names.RULES_FIELD
    return redis_names.ACL_FIELD, redis_names.parts_name(index), value, most, given_up, rules
