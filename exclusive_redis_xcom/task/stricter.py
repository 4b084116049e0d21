"""Report what a stricter policy would refuse: the setting `report_consumers`, and the field of a DAG's `"*"`.

The rules and today's policy have decided already, and the pull has its value. The stricter word stands in place of the
policy alone: a rule about an XCom holds as it is. The word needs the producer's DAG graph. So it is resolved as
the DAG is now, and not as it was at the push.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from exclusive_redis_xcom.acl import Acl, decide
from exclusive_redis_xcom.acl import source as sources
from exclusive_redis_xcom.acl.resolution import resolve
from exclusive_redis_xcom.acl.rule import NOBODY, Rule
from exclusive_redis_xcom.declaration import frozen_acl_by_id, reported
from exclusive_redis_xcom.formats.observed import WOULD_REFUSE
from exclusive_redis_xcom.model import one_line
from exclusive_redis_xcom.reporting import metrics
from exclusive_redis_xcom.task import observing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exclusive_redis_xcom.model import Coordinate, Principal
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.task.access import Access

log = logging.getLogger("exclusive_redis_xcom")

_LONGEST = 1000


def report(access: Access, granted: Iterable[tuple[Coordinate, Acl | None]], reader: Principal | None) -> None:
    """Log, count and record the pulls that a stricter policy would refuse. Each XCom is reported once.

    Args:
        access: The access of this process.
        granted: What the pull gets, each with the rule that was stored with the value; None where there is none. It is
            looked at only if a stricter policy is set. Map indexes do not count.
        reader: Who pulls; None if that is not known. `mode = report` has reported such a pull.
    """
    if reader is None or not (access.settings.report_consumers is not None or reported.is_declared):
        return
    seen: dict[tuple[str, str], tuple[Coordinate, str]] = {}
    for at, acl in granted:
        if (at.task_id, at.key) in seen or acl is None or acl.restricted:
            continue
        word = _refusing_word(at, acl, reader, access.settings)
        if word is not None:
            seen[at.task_id, at.key] = at, word
    for at, word in seen.values():
        _say(at, reader, word)
    if seen:
        observing.refused_all(access, [observing.event(at, reader, WOULD_REFUSE) for at, _ in seen.values()])


def _refusing_word(at: Coordinate, acl: Acl, reader: Principal, settings: Settings) -> str | None:
    """Return the stricter word that would refuse the reader; None if none would."""
    frozen = frozen_acl_by_id(at.dag_id)
    rule = None if frozen is None else frozen.acl.rule_for(at.task_id, at.key)
    by_setting = acl.source.startswith(sources.BY_SETTING)
    if (rule is not None and rule.restricted) or not decide(acl, at, reader).allowed:
        return None  # the DAG has a rule about it by now, or `mode = report` has reported the pull
    word = settings.report_consumers if by_setting else None
    if rule is not None and not by_setting:
        word = rule.report_consumers
    if word is None:
        return None
    strict = Rule(None, "*", word, f"report_consumers ({word})", restricted=False)
    if reader.dag_id != at.dag_id or word == NOBODY:
        strict = Rule(at.task_id, at.key, (), strict.source, exact=True)  # no stricter word names another DAG
    elif frozen is None:
        return None  # this process has not parsed the DAG, so nothing can be told
    else:
        strict = resolve(strict, at, frozen.graph)
    return None if decide(Acl(at.dag_id, (strict,), NOBODY), at, reader).allowed else word


def _say(at: Coordinate, reader: Principal, word: str) -> None:
    fields = {"dag": at.dag_id, "task": at.task_id, "key": at.key, "reader": f"{reader.dag_id}/{reader.task_id}"}
    shown = {name: one_line(text, _LONGEST) for name, text in fields.items()}
    said = " ".join(f"{name}={text!r}" for name, text in shown.items())
    # Airflow's logs show the text alone. Handlers that keep fields get them, too.
    log.warning("XCom pull would be refused by report_consumers = %s: %s", word, said, extra=shown)
    metrics.count(metrics.PULL_WOULD_BE_REFUSED, dag_id=at.dag_id, task_id=at.task_id)
