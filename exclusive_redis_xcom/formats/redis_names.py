"""Names in Redis: one hash per (dag_id, run_id, task_id, xcom_key), some fields per map_index.

Every id is percent-encoded, so that no two coordinates share a name (ids may hold `:` and `/`) and no id
can steer a cluster's choice of slot with `{}`.

The fields of a hash, where `i` is a map_index in digits, `-1` where the task is not mapped:

======================  ==========================================================================================
`acl`                 the rule in force for the key, canonical JSON; that of the latest push
`complete`            where the task is mapped: since when (milliseconds since 1970, by Redis' clock) there has been a
                        mark here for every row that Airflow's database has of the key; `?<version>` after it: that
                        is being found out. Whatever takes a mark away takes it away, too
`i`                   the value: an envelope, see `envelope.py`
`i:acl`               where the task is mapped, the rule under which this value was pushed
`i:claim`             where it may be read once: `<version><claimer>`; no claimer yet: `<version>`
`i:committed`         its mark: `<version> <bytes of field i> <time of the push>`, and once the database is known to
                        refer to that version `<version> <bytes of field i> <time of the push> <since when>`; times
                        are milliseconds since 1970, by Redis' clock
`i:<version>:<n>`     part n, from 0, of a payload that is too large for field `i`
`i:parts`             which parts there are, `<state><version>:<count>` for each version, separated by spaces. State
                        `=`: they are the value's; `+`: a push is under way, or was interrupted; `-`: they are
                        being removed, from the last to the first
`i:spilled`           where the payload lies in an object, its name
======================  ==========================================================================================

The hash of all API servers has the fields `epoch` and `servers`, see `lua/beat.lua`.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from exclusive_redis_xcom.model import Coordinate

#: Field of each hash that holds the rule in force for its key, as canonical JSON.
ACL_FIELD = "acl"

#: Field that says, where the task is mapped, that the hash knows of all rows in Airflow's database.
COMPLETE_FIELD = "complete"

#: Fields of the one hash of all API servers, see `servers_name` and `lua/beat.lua`.
EPOCH_FIELD, SERVERS_FIELD = "epoch", "servers"


def hash_name(prefix: str, coordinate: Coordinate) -> str:
    """`<prefix>:<dag_id>:<run_id>:<task_id>:<xcom_key>`, the same for all map_indexes.

    Args:
        prefix: The setting `key_prefix`, used as it is.
        coordinate: Any ids, also empty ones: an empty id is an empty part, which no other id encodes to.
    """
    return _hash_name(prefix, coordinate.dag_id, coordinate.run_id, coordinate.task_id, coordinate.key)


def field_name(map_index: int) -> str:
    """The field of a map_index; `-1` where the task is not mapped."""
    return str(map_index)


def rule_name(map_index: int) -> str:
    """The field of the rule under which the value of this map_index was pushed, where the task is mapped.

    Siblings share `acl`, which each push replaces; a value's own rule must outlast that.
    """
    return f"{map_index}:{ACL_FIELD}"


def claim_name(map_index: int) -> str:
    """The field that says which task instance has claimed the read-once value of this map_index.

    32 hexadecimal digits of the value's version, followed by the claimer's text; nothing follows before the claim.
    """
    return f"{map_index}:claim"


def committed_name(map_index: int) -> str:
    """The field that says which version of this map_index Airflow's database is known to refer to, and since when.

    The scripts take 32 characters from its start for the version.
    """
    return f"{map_index}:committed"


def part_name(map_index: int, version: str, number: int) -> str:
    """The field of one part, from 0, of a value that is too large for one field."""
    return f"{map_index}:{version}:{number}"


def parts_name(map_index: int) -> str:
    """The field that says which parts this map_index has, so that the next push finds what to remove."""
    return f"{map_index}:parts"


def spilled_name(map_index: int) -> str:
    """The field that names the object in which the value of this map_index lies, where that is not Redis."""
    return f"{map_index}:spilled"


def servers_name(prefix: str) -> str:
    """The hash in which API servers say that they watch over XCom rows. No id is encoded with a `!`."""
    return f"{prefix}:!servers"


@functools.lru_cache(maxsize=1024)  # the results of a mapped task share a hash
def _hash_name(prefix: str, *ids: str) -> str:
    return ":".join((prefix, *map(_encode, ids)))


def _encode(text: str) -> str:
    # RFC 3986, 2.3: quote() leaves exactly the unreserved characters. Lone surrogates are no valid
    # UTF-8, but an id that holds one must have a name too.
    return quote(text, safe="", encoding="utf-8", errors="surrogatepass")
