"""Whether a value may be revealed. It is one pure function, and in doubt the answer is no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.pages.xcoms.states import State
from exclusive_redis_xcom.preview import MOST_BYTES

if TYPE_CHECKING:
    from exclusive_redis_xcom.pages.xcoms.rules import Strictness


@dataclass(frozen=True, slots=True)
class No:
    """Why a value is not revealed.

    Attributes:
        sentence: The reason, for people.
        by_rule: Whether settings or rules forbid it. To ask nevertheless goes on record.
    """

    sentence: str
    by_rule: bool = True


OFF: Final = No("Values are not revealed here: the setting ui_reveal is off.")
ONCE: Final = No("This value may be read once, by one task instance. It is never revealed.")
RESTRICTED: Final = No("The key has a rule, so its value is not revealed. The setting ui_reveal = all would allow it.")
NO_STORED_RULE: Final = No("The rule that is stored with the value cannot be read, so the value is not revealed.")
NOT_DECLARED: Final = No("The rules of the DAG cannot be read now, so nothing is revealed.")
TOO_LARGE: Final = No("The value is larger than 1 MiB. Such values are not revealed.", by_rule=False)


def refusal(setting: str, state: State, stored: Strictness | None, declared: Strictness | None, size: int) -> No | None:
    """Say why a value may not be revealed; None if it may.

    Args:
        setting: `ui_reveal`.
        state: The state of the XCom.
        stored: What the rules stored with the value, and the rule in its seal, say together; None if one is unreadable.
        declared: What the DAG's latest version says; None if that cannot be read.
        size: The bytes of the value, as encoded or as stored: the larger number.
    """
    if setting == "off":
        return OFF
    if state is not State.HELD:
        return No(state.sentence, by_rule=False)
    return _by_rules(setting, stored, declared) or (TOO_LARGE if size > MOST_BYTES else None)


def _by_rules(setting: str, stored: Strictness | None, declared: Strictness | None) -> No | None:
    if stored is None:
        return NO_STORED_RULE
    if stored.once or (declared is not None and declared.once):
        return ONCE
    if setting == "all":
        return None
    if stored.restricted or (declared is not None and declared.restricted):
        return RESTRICTED
    return NOT_DECLARED if declared is None else None
