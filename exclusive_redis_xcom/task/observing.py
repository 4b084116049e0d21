"""Record who pulls what, and who is refused, for people (`formats/observed.py`). Nothing decides by the record.

A read is counted along with the command that fetches the value, so that it costs no round trip. Whether the pull gets
the value is known only after that. A pull that gets none is taken back. One pull counts once, however many values it
has, and however often it asks.

A record that cannot be written changes nothing: no outcome of a pull, and no error.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING

from exclusive_redis_xcom.errors import ExclusiveXComError
from exclusive_redis_xcom.formats import observed
from exclusive_redis_xcom.formats.observed import Event
from exclusive_redis_xcom.settings import load_settings
from exclusive_redis_xcom.task.access import current_access

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exclusive_redis_xcom.connection.session import Command
    from exclusive_redis_xcom.model import Coordinate, Principal
    from exclusive_redis_xcom.task.access import Access

log = logging.getLogger("exclusive_redis_xcom")


class OnePull:
    """What was counted for one pull, and whether the pull got anything."""

    __slots__ = ("counted", "got")

    def __init__(self) -> None:
        self.counted: set[Event] = set()
        self.got = False


_of_this_pull: ContextVar[OnePull | None] = ContextVar("exclusive_redis_xcom_observed_pull", default=None)


def begin(earlier: OnePull | None = None) -> OnePull | None:
    """Begin a pull. What is fetched until its `end` counts as one read of each XCom.

    Args:
        earlier: A pull that goes on: it has counted something already.

    Returns:
        What to hand to `end`; None if a pull has begun already, or if reads are not recorded. Then nothing ends.
    """
    try:
        if load_settings().records != "reads" or _of_this_pull.get() is not None:
            return None
    except ExclusiveXComError:
        return None  # the pull says what is wrong
    pull = OnePull() if earlier is None else earlier
    _of_this_pull.set(pull)
    return pull


def end(pull: OnePull) -> None:
    """End a pull. What was counted is taken back if the pull has got nothing."""
    _of_this_pull.set(None)
    if pull.counted and not pull.got:
        _count(current_access(), [event._replace(by=-1) for event in pull.counted])
        pull.counted.clear()


def reads(
    access: Access, coordinates: Iterable[Coordinate], reader: Principal | None, pull: OnePull | None = None
) -> Sequence[tuple[str, Command]]:
    """Return the commands that count a pull, to be sent along with the one that fetches the values.

    A task's reads of its own XComs are not counted: no rule is about them.

    Args:
        access: The access of this process.
        coordinates: What is pulled.
        reader: Who pulls; None if that cannot be established.
        pull: The pull; that which has begun unless given.
    """
    pull = pull or _of_this_pull.get() or OnePull()
    who = None if reader is None else (reader.dag_id, reader.task_id)
    xcoms = {(at.dag_id, at.task_id, at.key): None for at in coordinates}
    events = [Event(*ids, who, observed.READ) for ids in xcoms if who != ids[:2]]
    new = [event for event in events if event not in pull.counted]
    pull.counted.update(new)
    return access.store.counting(new)


def under_way() -> OnePull | None:
    """Return the pull that has begun; None if none has."""
    return _of_this_pull.get()


def got() -> None:
    """Tell that the pull has got values."""
    pull = _of_this_pull.get()
    if pull is not None:
        pull.got = True


def refused(access: Access, at: Coordinate, reader: Principal | None, kind: str) -> None:
    """Count one pull that was refused, or that only would have been."""
    refused_all(access, [event(at, reader, kind)])


def refused_all(access: Access, events: Iterable[Event]) -> None:
    """Count refusals, each of them once."""
    if access.settings.records != "off":
        _count(access, list(dict.fromkeys(events)))


def event(at: Coordinate, reader: Principal | None, kind: str) -> Event:
    """Return what counts one refusal."""
    who = None if reader is None else (reader.dag_id, reader.task_id)
    return Event(at.dag_id, at.task_id, at.key, who, kind)


def _count(access: Access, events: Sequence[Event]) -> None:
    try:
        access.store.count(events)
    except ExclusiveXComError as error:  # its text names Redis, and the pull has an error of its own to show
        log.debug("A read or a refusal could not be recorded: %s.", type(error).__name__)
