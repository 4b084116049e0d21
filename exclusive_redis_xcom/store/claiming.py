"""Claim values that may be read once. The values of one hash are claimed together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.formats import redis_names
from exclusive_redis_xcom.formats.claims import Claim
from exclusive_redis_xcom.store import scripts
from exclusive_redis_xcom.store.keyspace import misanswered, slices, what

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exclusive_redis_xcom.model import Coordinate
    from exclusive_redis_xcom.store.keyspace import Keyspace

#: This is Airflow's default max_map_length. It is far below the 8,000 values that Lua can unpack.
_BATCH_CLAIMS = 1024


def claim(keyspace: Keyspace, claims: Sequence[tuple[Coordinate, str]], claimer: str) -> list[Claim]:
    """See `Store.claim`."""
    if not claimer:
        raise ValueError("A claim needs a claimer.")
    hashes: dict[str, dict[tuple[Coordinate, str], None]] = {}
    for pair in claims:
        hashes.setdefault(keyspace.hash_of(pair[0]), {})[pair] = None
    outcome: dict[tuple[Coordinate, str], Claim] = {}
    for name, pairs in hashes.items():
        outcome.update(_claim_hash(keyspace, name, list(pairs), claimer))
    return [outcome[pair] for pair in claims]


def _claim_hash(
    keyspace: Keyspace, name: str, pairs: Sequence[tuple[Coordinate, str]], claimer: str
) -> Iterator[tuple[tuple[Coordinate, str], Claim]]:
    refused = False
    for batch in slices(pairs, _BATCH_CLAIMS):
        found = [Claim("withheld")] * len(batch) if refused else _claim_batch(keyspace, name, batch, claimer)
        refused = refused or any(claim.status != "granted" for claim in found)
        yield from zip(batch, found, strict=True)


def _claim_batch(keyspace: Keyspace, name: str, batch: Sequence[tuple[Coordinate, str]], claimer: str) -> list[Claim]:
    arguments = [part for at, version in batch for part in (redis_names.claim_name(at.map_index), version)]
    doing = what("Claiming", [at for at, _ in batch])
    holders = keyspace.client.run(doing, lambda session: scripts.CLAIM.run(session, name, claimer, *arguments))
    if not isinstance(holders, list) or len(holders) != len(batch):
        keyspace.client.drop()
        raise misanswered(batch[0][0])
    return [Claim.of(holder, claimer) for holder in holders]
