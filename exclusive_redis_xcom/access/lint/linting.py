"""All checks, over a set of DAGs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.access import Access
from exclusive_redis_xcom.access.lint import declared_rules, places, repeated_entries, taken_values, wide_rules
from exclusive_redis_xcom.access.lint.findings import finding
from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exclusive_redis_xcom.access.facts import DagFacts
    from exclusive_redis_xcom.access.finding import Finding
    from exclusive_redis_xcom.access.loading import Refused

_LONGEST = 500
_INVALID = "InvalidAcl: "


@dataclass(frozen=True)
class Linted:
    """What is checked.

    Attributes:
        dags: The DAGs that Airflow takes.
        refused: The DAGs whose rules are wrong.
        errors: For each further file that failed, the error's text.
        texts: The text of each DAG file, by its path on this machine.
        whole: Whether these are all DAGs of a folder. Otherwise, a DAG that is not here may be elsewhere.
    """

    dags: tuple[DagFacts, ...]
    refused: tuple[Refused, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    whole: bool = True


def lint(linted: Linted) -> list[Finding]:
    """Check DAGs.

    Raises:
        UndecidedError: Two DAGs have the same id.
    """
    files = [(each.file, each.path) for each in linted.dags] + [(each.file, each.path) for each in linted.refused]
    texts = {file: linted.texts.get(path or "", "") for file, path in files}
    return ordered([*places.with_lines(_of_dags(linted), texts), *_of_files(linted)])


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings by file, line, code and subject."""
    return sorted(findings, key=lambda each: (each.file, each.line or 0, each.code, each.dag_id, each.subject))


def _of_dags(linted: Linted) -> Iterator[Finding]:
    access = Access(linted.dags)
    # A refused DAG has tasks that rules of others may name.
    all_dags = {refused.facts.dag_id: refused.facts for refused in linted.refused if refused.facts} | access.dags
    unseen = {refused.dag_id for refused in linted.refused} - all_dags.keys()
    complete = linted.whole and not linted.errors and not unseen
    for facts in access.dags.values():
        yield from declared_rules.check(facts)
        yield from wide_rules.check_anyone(facts)
        yield from wide_rules.check_once(facts)
        yield from wide_rules.check_other_dags(facts, all_dags, level=None if complete else "note")
        yield from taken_values.check_arguments(access, facts)
        yield from taken_values.check_pulls(access, facts)
        yield from taken_values.check_secret_names(facts)
    for refused in linted.refused:
        yield from declared_rules.check_refused(refused)


def _of_files(linted: Linted) -> Iterator[Finding]:
    for path, text in linted.texts.items():
        here = [(each.dag_id, each.file) for each in linted.dags if each.path == path]
        here += [(each.dag_id, each.file) for each in linted.refused if each.path == path]
        dag_id, file = here[0] if len(here) == 1 else ("", path)
        yield from repeated_entries.check(text, file, dag_id)
    for file, error in linted.errors.items():
        twice = repeated_entries.in_error(error)
        if twice is not None:
            decision, dag_id, call_file, line, remedy = twice
            yield finding("EX105", dag_id, decision, decision.partition(": ")[0], call_file, line, remedy=remedy)
        elif _INVALID in error:
            message, _, rest = error.rpartition(_INVALID)[2].partition("\n")
            remedy = " ".join(rest.split("\n"))
            subject = message.partition(": ")[0]
            message, remedy = one_line(message, _LONGEST), one_line(remedy, _LONGEST)
            yield finding("EX108", "", message, subject, file, places.line_in_error(error, file), remedy=remedy)
        else:
            last = (error.strip().splitlines() or [""])[-1]
            message = f"the file cannot be loaded: {one_line(last, _LONGEST)}."
            yield finding("EX190", "", message, "the file", file, places.line_in_error(error, file))
