"""The classes of refusals, as the record of reads and refusals names them (`formats/observed.py`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import decide
from exclusive_redis_xcom.formats import observed

if TYPE_CHECKING:
    from exclusive_redis_xcom.acl import Acl
    from exclusive_redis_xcom.model import Coordinate, Decision, Principal


def kind_of(at: Coordinate, reader: Principal | None, decision: Decision, acl: Acl | None) -> str:
    """Return the class of a refusal by an access list.

    Args:
        at: The XCom.
        reader: Who asked; None if that cannot be established.
        decision: What the access list said.
        acl: The rule in force; None where no rule can be read.
    """
    if reader is None:
        return observed.NOBODY
    if acl is None or decision.rule is None:
        return observed.NO_ACL
    only_run = decide(acl, at, replace(reader, run_id=at.run_id)).allowed
    return observed.SAME_RUN if only_run else observed.RULE
