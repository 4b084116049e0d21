"""Measure the section `stored`: the bytes of small XComs in Redis and in Airflow's rows: `make bench-memory`.

It takes seconds and starts no Airflow. Each build pushes with its own package (`base/stored_player.py`). Redis tells
what it uses with MEMORY USAGE, also for a bare SET of the same encoded value.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.base.program import running
from benchmarks.base.trees import lay_out, this_tree
from benchmarks.markdown import aligned, number, table
from devtools.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.base.trees import Tree
    from benchmarks.figures import Section

#: Sample -> what it is.
SAMPLES = {
    "small": "1-byte result",
    "few": "each of 10 mapped results of 1 byte",
    "mapped": "each of 100 mapped results of 1 byte",
    "many": "each of 1,000 mapped results of 1 byte",
    "restricted": "1-byte value with a rule",
    "described": "list of 20 numbers, described for the pages",
}
#: Kind of field -> the part that it is; a kind that is missing here has a line of its own.
PARTS = {
    "acl": "rule in force",
    "acls": "rules that values share",
    "i:acl": "value's own rule",
    "i:committed": "mark",
    "i:described": "description",
    "i:claim": "claim",
    "complete": "completeness",
}
#: What `make bench-memory` prints below its tables.
LEGEND = """\
All figures are bytes of one value. Mapped results share a hash, so what they share is split among them.
A part includes the name of its field. Redis' own part is pointers, lengths, and what its allocator rounds up.
The bare SET has neither rule nor mark, and no TTL.
A row is the JSON in Airflow's database: of the small value with the default backend, else of the reference to it."""
_ENVELOPE = "i"
NAME, HEADER, PAYLOAD, OVERHEAD = "key's name", "envelope's header", "payload", "Redis' own"


def measure(trees: Sequence[Tree]) -> dict[str, Any]:
    """Let each tree push its samples; return the section: `trees`: tree -> format -> what its program printed.

    Each has a Redis of its own, also where REDIS_URL names one: what Redis uses depends on its configuration.
    """
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-stored-") as home:
        for tree in trees:
            with RedisServer() as server, running("stored_player.py", tree, Path(home), server.url) as program:
                found[tree.name] = program.start
    return {"trees": found}


def newest(section: Section, tree: str) -> Any:
    """Return what a tree stores by default: in its newest format. Nothing if that tree was not measured."""
    formats = section["trees"].get(tree, {})
    return formats[max(formats)] if formats else None


def per_value(sample: Section) -> float:
    """Return the bytes of one value of a sample in Redis."""
    return float(sample["bytes"] / sample["values"])


def parts(sample: Section) -> dict[str, float]:
    """Return the bytes of one value by part. The name of a field counts to its part."""
    found = {NAME: sample["name"]}
    for kind, (names, held) in sample["fields"].items():
        if kind == _ENVELOPE:
            found[PAYLOAD] = sample["payload"] * sample["values"]
            found[HEADER] = names + held - found[PAYLOAD]
        else:
            found[PARTS.get(kind, f"field {kind}")] = names + held
    found[OVERHEAD] = sample["bytes"] - sum(found.values())
    return {part: size / sample["values"] for part, size in found.items()}


def in_redis(section: Section) -> Iterator[str]:
    """Write a table for each sample: its parts by build and format, next to a bare SET."""
    columns = [(tree, name) for tree, formats in section["trees"].items() for name in formats]
    every = [section["trees"][tree][name]["samples"] for tree, name in columns]
    for sample, text in SAMPLES.items():
        found = [samples[sample] for samples in every if sample in samples]
        if len(found) < len(every):  # figures of before the sample was thought of
            continue
        split = [parts(one) for one in found]
        order = dict.fromkeys(part for one in split for part in one if part != OVERHEAD)
        lines = [[part, *(number(one[part]) if part in one else "" for one in split)] for part in (*order, OVERHEAD)]
        lines.append(["all, by MEMORY USAGE", *(number(per_value(one)) for one in found)])
        lines.append(["a bare SET of the payload", *(number(one["bare"]) for one in found)])
        yield table(f"bytes: {text}|{'|'.join(_label(tree, name) for tree, name in columns)}", lines)


def in_rows(section: Section) -> str:
    """Write a table of the bytes in Airflow's rows."""
    columns = [(tree, name) for tree, formats in section["trees"].items() for name in formats]
    rows = [section["trees"][tree][name] for tree, name in columns]
    lines = [["default", *(str(one["default"]) for one in rows)]]
    lines += [[mode, *(str(one["rows"][mode]) for one in rows)] for mode in ("worker", "server")]
    return table(f"bytes in Airflow's row|{'|'.join(_label(tree, name) for tree, name in columns)}", lines)


def as_text(section: Section) -> str:
    """Write all tables for a terminal."""
    return "\n\n".join([*map(aligned, (*in_redis(section), in_rows(section))), LEGEND])


def _label(tree: str, name: str) -> str:
    text = f"format {name}" if name else "as it is"
    return text if tree == "new" else f"before: {text}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stored", description=__doc__)
    parser.add_argument("--base", help="a git revision to show beside this tree")
    base = parser.parse_args(arguments).base
    print(as_text(measure((*([lay_out(base)] if base else []), this_tree()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
