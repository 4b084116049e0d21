"""The Lua scripts in `lua/`, and how to run one: by its digest, and in full where Redis does not have it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from exclusive_redis_xcom.memory import Buffer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exclusive_redis_xcom.connection.session import Session

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
        # SHA-1 is how Redis names scripts; it protects nothing.
        return cls(name, source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())

    def command(self, key: str, *arguments: Argument) -> tuple[Argument, ...]:
        """The command that runs it on `key`, with its source."""
        return ("EVAL", self.source, 1, key, *arguments)

    def run(self, session: Session, key: str, *arguments: Argument) -> Any:
        """Run it on `key`.

        After a restart, a failover or SCRIPT FLUSH Redis answers NOSCRIPT; EVAL sends the source and makes it known.

        Raises:
            redis.RedisError: As the session does.
        """
        from redis.exceptions import NoScriptError

        try:
            return session.call(key, ("EVALSHA", self.sha1, 1, key, *arguments))
        except NoScriptError:
            return session.call(key, self.command(key, *arguments))

    def run_many(self, session: Session, calls: Sequence[tuple[str, tuple[Argument, ...]]]) -> list[Any]:
        """Run it on many keys, each with its arguments, in as few round trips as possible; the replies in order.

        Always with its source: of calls by digest some would run, and some nodes of a cluster answer NOSCRIPT.

        Raises:
            redis.RedisError: As the session does; some may have run.
        """
        if len(calls) == 1:
            ((key, arguments),) = calls
            return [self.run(session, key, *arguments)]
        return session.call_many([(key, self.command(key, *arguments)) for key, arguments in calls])


PART = Script.load("part")
PUSH = Script.load("push")
PURGE = Script.load("purge")
SWEEP = Script.load("sweep")
CLAIM = Script.load("claim")
COMMIT = Script.load("commit")
COMPLETE = Script.load("complete")
BEAT = Script.load("beat")
LEAVE = Script.load("leave")
DISTRUST = Script.load("distrust")
