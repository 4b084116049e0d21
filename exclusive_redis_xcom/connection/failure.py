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
    """

    reason: str
    remedy: str
    retry: bool = False
    wrong_setting: bool = False
    credentials: bool = False
