"""The sentence of a reference: what the value is, for whom, until when and where. People read it.

Code reads nothing from it, with one exception: pages show people the readers in it, once Redis has forgotten the rule.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from datetime import datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS = ("KiB", "MiB", "GiB")

_ALL = {"*": "all tasks of this DAG", "*/*": "all tasks of all DAGs"}
_CONSUMERS = {said: consumer for consumer, said in _ALL.items()}
_NOBODY = "its own task alone"
_SAME_RUN, _ONCE = " in this run", ", to be read once,"

_SHOWN_DIMENSIONS = 3
#: Characters of a type's name and of a consumer's name. The dots follow where there were more.
_SHOWN, _DOTS = 40, "..."

_READERS = re.compile(
    r".*, [0-9.]+ (?:bytes?|[KMG]iB), for (.+) until [0-9]+ [A-Z][a-z]{2}(?: [0-9]{4})? [0-9:]{5} UTC; .*"
)
_MORE = re.compile("[0-9]{1,9} more")


def sentence(
    type_name: str,
    *,
    size: int,
    shape: tuple[int, ...] | None,
    readers: str,
    pushed_at: datetime,
    expires_at: datetime,
    place: str,
    long: bool = False,
) -> str:
    """Return the sentence, as in "str, 13 bytes, for load until 6 Dec 11:57 UTC; the value is in Redis, not here".

    Args:
        type_name: The qualified name of the value's type. The sentence has its last part.
        size: The encoded size in bytes.
        shape: The length of each dimension; None where the value has none.
        readers: Who may read, as `describe_readers` says it.
        pushed_at: When the value was pushed.
        expires_at: When the value expires.
        place: Where the value is, as in "in Redis".
        long: Whether it ends as in rows of format 2.
    """
    kind = _short(type_name.rpartition(".")[2])
    extent = _extent(shape) if shape else ""
    return (
        f"{kind}{extent}, {_bytes(size)}, for {readers} until {_moment(expires_at, pushed_at)}; "
        f"the value is {place}, {'this is only a reference to it' if long else 'not here'}"
    )


@functools.lru_cache(maxsize=256)  # the pushes of one key have the same readers
def describe_readers(consumers: tuple[str, ...], *, same_run: bool, once: bool) -> str:
    """Return who may read, as in "load and 3 more".

    Args:
        consumers: The consumers of the rule in force.
        same_run: Whether only tasks of the same run may read.
        once: Whether only one task instance may read.
    """
    whom = _consumer(consumers[0]) if consumers else _NOBODY
    if len(consumers) > 1:
        whom += f" and {_consumer(consumers[1]) if len(consumers) == 2 else f'{len(consumers) - 1} more'}"
    return f"{whom}{_SAME_RUN if same_run else ''}{_ONCE if once else ''}"


def readers_in(sentence: str) -> tuple[str, ...]:
    """Return the consumers that a sentence names, and how many more there are: ("load", "... and 3 more").

    A name that was cut counts among those that are not named. Anybody may have written the sentence: the result is for
    people alone.
    """
    found = _READERS.fullmatch(sentence)
    said = _NOBODY if found is None else found[1].removesuffix(_ONCE).removesuffix(_SAME_RUN)
    if said == _NOBODY:
        return ()
    first, _, second = said.partition(" and ")
    hidden = int(second.removesuffix(" more")) if _MORE.fullmatch(second) else 0
    names = [_CONSUMERS.get(name, name) for name in (first, "" if hidden else second) if name]
    whole = [name for name in names if not name.endswith(_DOTS)]
    hidden += len(names) - len(whole)
    return (*whole, f"{_DOTS} and {hidden} more") if hidden else tuple(whole)


def _moment(moment: datetime, now: datetime) -> str:
    """Write a time in UTC. The year is named only where it is not the present one."""
    year = "" if moment.year == now.year else f" {moment.year}"
    return f"{moment.day} {_MONTHS[moment.month - 1]}{year} {moment.hour:02}:{moment.minute:02} UTC"


def _extent(shape: tuple[int, ...]) -> str:
    return f" of {len(shape)} dimensions" if len(shape) > _SHOWN_DIMENSIONS else f" of {' x '.join(map(str, shape))}"


def _consumer(name: str) -> str:
    return _ALL.get(name) or _short(name)


def _bytes(size: int) -> str:
    if size < 1024:
        return "1 byte" if size == 1 else f"{size} bytes"
    number = size / 1024
    for unit in _UNITS[:-1]:
        if number < 1024:
            return f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} {_UNITS[-1]}"


def _short(name: str) -> str:
    return name if len(name) <= _SHOWN and name.isprintable() else one_line(name, _SHOWN)
