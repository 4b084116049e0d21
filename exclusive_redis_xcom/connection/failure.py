"""What an error of redis-py means: whether to try again, and which words people read.

The driver's own text is never passed on. The text of a failing pipelined command, for one, holds its arguments.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """What people read about an error, and what this package does about it.

    Args:
        reason: Ends a sentence that begins with what was tried.
        remedy: A sentence of its own, or several.
        retry: Whether the failure may pass by itself.
        wrong_setting: Whether a setting is wrong, so that the error is a `ConfigurationError`.
        credentials: Whether Redis refused user name or password. They may have been changed meanwhile.
        down: Whether Redis is not there, or not ready.
        rights: Whether the Redis user lacks a right.
    """

    reason: str
    remedy: str
    retry: bool = False
    wrong_setting: bool = False
    credentials: bool = False
    down: bool = False
    rights: bool = False


def later(reason: str) -> Failure:
    """Return the failure of a Redis that is not there, or not ready. Its remedy is the one for tasks."""
    remedy = "Check that Redis is up and reachable from this worker, then clear the task."
    return Failure(reason, remedy, retry=True, down=True)
