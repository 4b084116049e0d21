"""Names in Redis: one hash per (dag_id, run_id, task_id, xcom_key), some fields per map_index.

Where Airflow names the task instance (3.4 and later), each task instance has a hash of its own.

Every id is percent-encoded, since ids may hold `:` and `/`. So no two coordinates share a name, and no id can steer a
cluster's choice of slot with `{}`.

These are the fields of a hash. `i` is a map_index in digits; it is `-1` where the task is not mapped. Times are
milliseconds since 1970 by Redis' clock.

- `acl`: the rule in force for the key, that of the latest push: canonical JSON, or packed (`formats/packed_rule.py`).
- `acls`: only where the task is mapped. It holds the rules that values name by digest (`formats/shared_rules.py`).
- `complete`: only where the task is mapped. It says since when each row that Airflow's database has of the key has had
  a mark here. `?<version>` after the time says that this is being found out. Whatever removes a mark removes the field.
- `i`: the value, an envelope (`formats/envelope.py`).
- `i:acl`: the rule under which this value was pushed; only where the task is mapped, and `acls` does not hold the rule.
- `i:claim`: only where the value may be read once. It holds `<version>`, or `<version><claimer>` once it is claimed.
- `i:committed`: the value's mark (`formats/mark.py`). It names the version. Once the database is known to refer to that
  version, it also says since when.
- `i:described`: what the value is like, for operators (`formats/description.py`). Many values have none. An envelope of
  format 4 holds the description itself.
- `i:<version>:<n>`: part n, from 0, of a payload that is too large for the field `i`.
- `i:parts`: which parts there are, as `<state><version>:<count>` for each version, separated by spaces. State `=`: the
  parts are the value's. State `+`: a push is under way, or was interrupted. State `-`: they are being removed, from the
  last to the first.
- `i:spilled`: the name of the object that holds the payload.

A generation is the sum of these formats. Generation 2 has no field `acls`, marks that are text, rules in JSON, and
envelopes of formats 2 and 3. Pushes write the generation that the setting `format` names. All generations are read,
also side by side in one hash. Both generations use the same names for the fields of a value. So a push of one
generation replaces all of a value of the other.

The hash of all API servers has the fields `epoch` and `servers` (`store/lua/beat.lua`). `formats/observed.py` has the
fields of the hashes that record reads and refusals.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from exclusive_redis_xcom.model import Coordinate

if TYPE_CHECKING:
    from collections.abc import Iterable

#: This field of each hash holds the rule in force for its key.
ACL_FIELD = "acl"

#: This field holds, where the task is mapped, the rules under which values were pushed.
RULES_FIELD = "acls"

#: This field says, where the task is mapped, that the hash knows of all rows in Airflow's database.
COMPLETE_FIELD = "complete"

#: The fields of the one hash of all API servers (`servers_name`, `store/lua/beat.lua`).
EPOCH_FIELD, SERVERS_FIELD = "epoch", "servers"


def hash_name(prefix: str, coordinate: Coordinate) -> str:
    """Name a hash: `<prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>`, the same for all map_indexes.

    A coordinate with a task instance gets `<prefix>:<dag_id>:<run_id>:<task_id>:ti-<ti_id>:<xcom_key>`.

    Args:
        prefix: The setting `key_prefix`. It is used as it is.
        coordinate: Its ids may be any texts. An empty id becomes an empty part, and no other id becomes one.
    """
    if coordinate.ti_id is None:
        return _hash_name(prefix, coordinate.dag_id, coordinate.run_id, coordinate.task_id, coordinate.key)
    ids = (coordinate.dag_id, coordinate.run_id, coordinate.task_id, instance_part(coordinate.ti_id), coordinate.key)
    return _hash_name(prefix, *ids)


def instance_part(ti_id: str) -> str:
    """Name a task instance in a path, as `XComCoordinate.build_path` does (`airflow/sdk/bases/xcom.py`, 3.4)."""
    return f"ti-{ti_id}"


def field_name(map_index: int) -> str:
    """Name the field of a map_index; `-1` where the task is not mapped."""
    return str(map_index)


def rule_name(map_index: int) -> str:
    """Name the field of the rule under which the value of this map_index was pushed, where the task is mapped.

    All results of the task share the field `acl`, and each push replaces it. A value's own rule must outlast that. Most
    rules lie in the field `acls`, and only others need a field of their own.
    """
    return f"{map_index}:{ACL_FIELD}"


def fields_to_read(map_indexes: Iterable[int]) -> list[str]:
    """Return `field_name` and `rule_name` of each map_index, one after the other."""
    return [name for index in map_indexes for name in (str(index), f"{index}:{ACL_FIELD}")]


def claim_name(map_index: int) -> str:
    """Name the field that says which task instance has claimed the read-once value of this map_index.

    It holds the 32 hexadecimal digits of the value's version, then the claimer's text once there is a claim.
    """
    return f"{map_index}:claim"


def committed_name(map_index: int) -> str:
    """Name the field of the mark: which version Airflow's database is known to refer to, and since when."""
    return f"{map_index}:committed"


def description_name(map_index: int) -> str:
    """Name the field that describes the value of this map_index."""
    return f"{map_index}:described"


def part_name(map_index: int, version: str, number: int) -> str:
    """Name the field of one part, from 0, of a value that is too large for one field."""
    return f"{map_index}:{version}:{number}"


def parts_name(map_index: int) -> str:
    """Name the field that lists the parts of this map_index, so that the next push finds what to remove."""
    return f"{map_index}:parts"


def spilled_name(map_index: int) -> str:
    """Name the field that holds the name of the object with this map_index's value."""
    return f"{map_index}:spilled"


def servers_name(prefix: str) -> str:
    """Name the hash in which API servers say that they watch over XCom rows. No encoded id holds a `!`."""
    return f"{prefix}:!servers"


def observed_name(prefix: str, dag_id: str | None = None) -> str:
    """Name the hash that records reads and refusals of a DAG's XComs; without a DAG, that of the list of these DAGs."""
    return f"{prefix}:!reads" if dag_id is None else f"{prefix}:!reads:{_encode(dag_id)}"


@functools.lru_cache(maxsize=1024)  # the results of a mapped task share a hash
def _hash_name(prefix: str, *ids: str) -> str:
    return ":".join((prefix, *map(_encode, ids)))


def name_pattern(prefix: str, dag_id: str | None = None, task_id: str | None = None) -> str:
    """Return a pattern for SCAN that all hashes of a DAG or task match. Other names may match it, too.

    No encoded id holds a character with a meaning in patterns, and nor does a prefix that the setting accepts.
    """
    parts = [prefix, "*" if dag_id is None else _encode(dag_id), "*", "*" if task_id is None else _encode(task_id), "*"]
    return ":".join(parts)


def parse_name(prefix: str, name: str) -> Coordinate | None:
    """Read the name of a hash; None if it is no hash of XComs. The map_index is `NOT_MAPPED`.

    Anybody may have written the name.
    """
    if not name.startswith(f"{prefix}:"):
        return None
    parts = name[len(prefix) + 1 :].split(":")
    ids = [unquote(part, encoding="utf-8", errors="surrogatepass") for part in parts]
    if len(ids) not in (4, 5) or [_encode(each) for each in ids] != parts:
        return None
    dag_id, run_id, task_id, *instances, key = ids
    if not instances:
        return Coordinate(dag_id, run_id, task_id, key)
    (instance,), beginning = instances, instance_part("")
    if not instance.startswith(beginning):
        return None
    return Coordinate(dag_id, run_id, task_id, key, ti_id=instance[len(beginning) :])


def _encode(text: str) -> str:
    # quote() leaves exactly the unreserved characters of RFC 3986, 2.3. A lone surrogate is no valid UTF-8, but an id
    # that holds one must have a name, too.
    return quote(text, safe="", encoding="utf-8", errors="surrogatepass")
