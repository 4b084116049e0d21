"""What the code of one task function says about XComs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from exclusive_redis_xcom.model import RETURN_KEY


class CodePull(NamedTuple):
    """A pull in code.

    `dag_id` is None where the call names no DAG. `task_id` and `key` are None where it computes them.
    """

    dag_id: str | None
    task_id: str | None
    key: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """What is known of one task function. The defaults say that nothing is known.

    Attributes:
        keys: The constant keys that it pushes.
        computes_keys: Whether it pushes, or may push, other keys.
        only_calls_others: Whether only code that is not read would push other keys. It is not given the task
            instance.
        returns: Whether it returns a value; None if that depends.
        outputs: All keys of the dict that it returns; None if they are not known.
        possible_outputs: Keys that the returned dict may have, as far as they are known.
        multiple_outputs: Whether a task of it has multiple outputs; None if that is not known.
        pulls: Its pulls.
    """

    keys: frozenset[str] = frozenset()
    computes_keys: bool = True
    only_calls_others: bool = False
    returns: bool | None = None
    outputs: tuple[str, ...] | None = None
    possible_outputs: frozenset[str] = frozenset()
    multiple_outputs: bool | None = None
    pulls: tuple[CodePull, ...] = ()

    @property
    def may_push_result(self) -> bool:
        """Whether it may push `return_value` itself, beside what the operator pushes there."""
        return RETURN_KEY in self.keys or (self.computes_keys and not self.only_calls_others)


#: Nothing is known.
UNKNOWN = CodeFacts()


def united(several: list[CodeFacts]) -> CodeFacts:
    """Return what holds if the code is one of several functions, and nobody knows which."""
    if not several:
        return UNKNOWN
    first = several[0]
    multiple = first.multiple_outputs
    return CodeFacts(
        keys=frozenset().union(*(each.keys for each in several)),
        computes_keys=any(each.computes_keys for each in several),
        only_calls_others=all(each.only_calls_others for each in several),
        returns=first.returns if all(each.returns is first.returns for each in several) else None,
        outputs=first.outputs if all(each.outputs == first.outputs for each in several) else None,
        possible_outputs=frozenset().union(*(each.possible_outputs for each in several)),
        multiple_outputs=multiple if all(each.multiple_outputs is multiple for each in several) else None,
        pulls=tuple(dict.fromkeys(pull for each in several for pull in each.pulls)),
    )
