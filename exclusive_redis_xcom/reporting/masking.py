"""Tell Airflow to show `***` for a pulled value in logs and rendered fields (`airflow.sdk.log.mask_secret`).

Airflow masks with one regular expression of all secrets (`airflow/sdk/_shared/secrets_masker`). It compiles that
expression again for every new secret: in the task's process, and in its supervisor while the task waits. So the work
grows with the square of what is registered. This module bounds it, counted in compiled characters: each takes about
2 µs in either process on a small machine.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.reporting import rendered_fields
from exclusive_redis_xcom.reporting.value_parts import is_short, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

log = logging.getLogger("exclusive_redis_xcom")

#: How many characters one call, and all calls of a process, may have compiled. One call can register 45 strings of 20
#: characters, or the 28 lines of a 2048-bit private key. All calls can register 145 strings of 20, one by one.
_PER_CALL = 30_000
_PER_PROCESS = 300_000

#: What a string costs besides its length, in characters.
_PER_STRING = 8


#: Types of values that have no parts.
_LEAVES = frozenset({type(None), bool, int, float, str})


@dataclass(slots=True)
class _Registered:
    """What this process has registered with Airflow, and Airflow's setting, which takes long to read."""

    shortest: int | None = None
    strings: set[str] = field(default_factory=set)
    size: int = 0
    spent: int = 0
    warned: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


_registered = _Registered()


def forget() -> None:
    """Drop what is known about the process. Tests need this: they play many processes in one."""
    global _registered  # noqa: PLW0603 - a process has one masker; this is what it was told
    _registered = _Registered()
    rendered_fields.forget()


def _unlock() -> None:
    _registered.lock = threading.Lock()


# A thread of the parent may hold the lock, and that thread does not exist in the child.
os.register_at_fork(after_in_child=_unlock)


def applies(setting: str, restricted: bool) -> bool:
    """Tell whether the option `mask` (`restricted`, `all` or `off`) asks to mask this value."""
    return setting == "all" or (setting == "restricted" and restricted)


def mask(value: Any, described: object) -> None:
    """Register the strings and numbers in a pulled value with Airflow's masking, and hide its objects.

    The work is bounded: about 50 ms per value in this process, and as much in its supervisor. Strings beyond that
    bound and the insides of objects of unknown types are not masked. A warning says so once per process. In rendered
    fields, objects of all types are hidden (`rendered_fields`). Nothing is raised.

    Args:
        value: What the task gets. Keys of mappings that are strings are not masked, nor are texts shorter than
            Airflow's `[logging] min_length_masked_secret`.
        described: It becomes the XCom's name, as text, if there is a warning.
    """
    try:
        complete = _mask(value)
    except Exception as error:
        # The value was granted, so the task gets it. Only the type is logged: the error's text may quote the value.
        log.warning("%s could not be masked in logs and rendered fields: %s.", described, type(error).__name__)
        return
    if not complete and not _registered.warned:
        _registered.warned = True
        log.warning(
            "%s could be masked only in part: it is too large, or holds objects of unknown types. Logs and rendered "
            "fields may show the rest. Each process logs this once.",
            described,
        )


def _mask(value: Any) -> bool:
    """Register the value's strings and numbers; tell whether that was all of them."""
    shortest = _min_length()
    if type(value) in _LEAVES and is_short(value, shortest):
        return True  # one pull may have ten thousand of them
    found = parts_of(value, shortest)
    rendered_fields.hide(found.types, all_types=not found.searched)
    with _registered.lock:  # also around the call: until it returns, nothing counts as registered
        chosen, all_fit = _choose(found.leaves, shortest)
        if chosen:
            from airflow.sdk.log import mask_secret

            mask_secret(chosen)
            _registered.strings.update(chosen)
            _registered.size, spent = _cost(_registered.size, chosen)
            _registered.spent += spent
    return found.searched and found.known and all_fit


def _choose(texts: Iterable[str], shortest: int) -> tuple[list[str], bool]:
    """Choose the strings to register now, shortest first so that most fit; tell whether these are all."""
    budget = min(_PER_CALL, _PER_PROCESS - _registered.spent)
    chosen: dict[str, None] = {}
    size, complete = _registered.size, True
    for text in sorted(texts, key=len):
        if size + len(text) > budget and text not in _registered.strings:
            return list(chosen), False  # all that follow are as long or longer
        for forms in (_forms(text, shortest), _whole(text)):
            new = [form for form in forms if form not in _registered.strings and form not in chosen]
            larger, spent = _cost(size, new)
            if spent <= budget:
                chosen.update(dict.fromkeys(new))
                size, budget = larger, budget - spent
                break
            complete = False
    return list(chosen), complete


def _cost(size: int, strings: Iterable[str]) -> tuple[int, int]:
    """Return the size of Airflow's expression with these strings, and how many characters that compiles."""
    spent = 0
    for text in strings:
        size += len(text) + _PER_STRING
        spent += size
    return size, spent


def _forms(text: str, shortest: int) -> list[str]:
    """Return how a string may appear in a log: as it is, line by line (`print`), or escaped by JSON or `repr`."""
    if len(text) > _PER_CALL:
        return [text]  # too large in any form
    lines = [line.strip() for line in text.splitlines()]
    long_enough = [line for line in lines if len(line) >= shortest]
    forms = [form for line in long_enough for form in _whole(line)]
    if [line for line in lines if line] != long_enough:
        forms += _whole(text)  # a short line can be masked only within the whole text
    return list(dict.fromkeys(forms))


def _whole(text: str) -> list[str]:
    if len(text) > _PER_CALL:
        return [text]
    forms = [text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]]
    # A lone surrogate can be neither sent to the supervisor nor printed: only its escapes appear.
    return [form for form in dict.fromkeys(forms) if form.isascii() or _is_encodable(form)]


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _min_length() -> int:
    """Return how long a text must be for Airflow to mask it. One pull may ask ten thousand times."""
    if _registered.shortest is None:
        _registered.shortest = _configured_min_length()
    return _registered.shortest


def _configured_min_length() -> int:
    # Airflow 3.2 gave the Task SDK a configuration module of its own.
    try:
        from airflow.sdk.configuration import conf
    except ImportError:
        from airflow.configuration import conf
    return max(1, int(conf.getint("logging", "min_length_masked_secret", fallback=5)))
