"""The DAGs of a page: the DAG itself, and other DAGs that it names and that the user may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access import Access
from exclusive_redis_xcom.access.database import latest_versions
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.acl.glob import is_pattern
from exclusive_redis_xcom.errors import ExclusiveXComError, InvalidAcl
from exclusive_redis_xcom.pages.access.hidden import Names, foreign_dags
from exclusive_redis_xcom.pages.dag_facts import facts_of, identity

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from exclusive_redis_xcom.access import DagFacts
    from exclusive_redis_xcom.access.database import Version
    from exclusive_redis_xcom.pages.user import Readable

#: So many versions of a DAG can be compared.
MOST_VERSIONS: Final = 20
#: So many other DAGs are read. The readers in further ones are shown as "maybe".
_MOST_OTHERS: Final = 10


@dataclass(frozen=True)
class Known:
    """What a page may tell of a DAG.

    Attributes:
        facts: What the latest version of the DAG says.
        others: What other DAGs say.
        versions: The versions of the DAG, the latest first.
        names: Which names the user may see.
        identity: What tells this from another page's: the versions, and the names that stay hidden.
    """

    facts: DagFacts
    others: tuple[DagFacts, ...]
    versions: tuple[Version, ...]
    names: Names
    identity: Hashable

    @property
    def dag_id(self) -> str:
        """The DAG."""
        return self.facts.dag_id

    @property
    def access(self) -> Access:
        """Who may pull what in these DAGs."""
        return Access([self.facts, *self.others])


def known(dag_id: str, readable: Readable) -> Known:
    """Read the DAGs.

    Raises:
        NoSuchDagError: Airflow's database has no such DAG.
        UndecidedError: Its form is unknown.
        InvalidAcl: Its rules are wrong.
    """
    versions = tuple(latest_versions(dag_id, most=MOST_VERSIONS))
    facts, names = _facts(versions[0], readable), Names(dag_id, readable)
    read = list(others_of(facts, names))
    others = tuple(each for each, _ in read)
    key = (identity(versions[0]), *(of_other for _, of_other in read), names.hidden_in(facts), readable.are_all)
    return Known(facts, others, versions, names, key)


def others_of(facts: DagFacts, names: Names) -> Iterator[tuple[DagFacts, Hashable]]:
    """Yield the other DAGs that a DAG names and that the user may read, each with what tells its version."""
    pulled = {pull.dag_id for task in facts.tasks.values() for pull in task.pulls} - {facts.dag_id}
    named = [name for name in foreign_dags(facts) | pulled if not is_pattern(name)]
    for dag_id in sorted(filter(names.shows, named))[:_MOST_OTHERS]:
        read = _read(dag_id)
        if read is not None:
            yield read


def _facts(version: Version, readable: Readable) -> DagFacts:
    try:
        return facts_of(version)
    except InvalidAcl:
        if readable.are_all:
            raise
        # The sentence may name a DAG that the user may not see.
        raise UndecidedError("The rules of this DAG are wrong. `exclusive-xcom lint` tells what is wrong.") from None


def _read(dag_id: str) -> tuple[DagFacts, Hashable] | None:
    """Read another DAG. One that cannot be read is not known: its tasks are "maybe" then."""
    try:
        version = latest_versions(dag_id, most=1)[0]
        return facts_of(version), identity(version)
    except ExclusiveXComError:
        return None
