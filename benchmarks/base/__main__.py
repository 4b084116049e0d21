"""Compare this tree with a base revision: `make bench-base BASE=<revision>`.

Both play tasks of worker mode against one Redis, in short rounds in turn. Then both run tasks in one real Airflow.
The base revision is laid out under `.make/` with an environment of its own. Options: BENCH_ARGS="--cold-rounds 0".
Exit code 1: the median ratio of a row exceeds the limit.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import markdown
from benchmarks.base import cold_start, players
from benchmarks.base.ratios import Ratios
from benchmarks.base.trees import lay_out, this_tree
from devtools.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.base.trees import Tree

#: Seconds that a round of the cold start may take, on average.
_COLD_SECONDS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    options = _parser().parse_args(arguments)
    ratios, trees = Ratios(), (lay_out(options.base), this_tree())
    with RedisServer() as server, tempfile.TemporaryDirectory(prefix="bench-base-") as home:
        # Not database 0: a connection to any other one begins with a SELECT, and both trees must pay for it.
        urls = {tree.name: f"{server.url.rpartition('/')[0]}/{number}" for number, tree in enumerate(trees, start=1)}

        def start(tree: Tree) -> object:
            return players.playing(tree, urls[tree.name], Path(home))

        players.measure(ratios, trees, start, runs=options.runs, rounds=options.rounds)
        if options.cold_rounds:
            enough = options.cold_rounds * _COLD_SECONDS
            cold_start.measure(ratios, trees, server.url, Path(home), rounds=options.cold_rounds, enough=enough)
    print(markdown.aligned(ratios.table()))
    exceeded = ratios.exceeded()
    print(f"\nexceeded: {', '.join(exceeded)}" if exceeded else "\nno limit is exceeded")
    return int(bool(exceeded))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.base", description=__doc__)
    parser.add_argument("base", help="the git revision to compare with")
    parser.add_argument("--runs", type=int, default=12, help="pairs of processes")
    parser.add_argument("--rounds", type=int, default=20, help="rounds of each pair")
    parser.add_argument("--cold-rounds", type=int, default=16, help="rounds in a real Airflow; 0 starts none")
    return parser


if __name__ == "__main__":
    sys.exit(main())
