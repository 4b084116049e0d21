"""`make bench`, `make bench-growth`, `make bench-docs`: measure, print and keep figures, and write their page.

The figures of a section are kept as soon as it is measured, and `--resume` measures the sections that are missing.
The bench uses the Redis of REDIS_URL, or starts one. With `--base`, a revision before takes turns with this tree: its
environment is built under `.make/`. The exit code is 1 if a limit is exceeded, unless --no-limits.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from benchmarks import chain, cold, far, figures, growth, limits, memory, report, side_by_side, stored
from benchmarks.airflows import Airflows, kinds
from benchmarks.base import cold_start, players
from benchmarks.base.trees import BASE, NEW, lay_out, this_tree
from benchmarks.played import PREFIX, clean_up, redis_for_bench, whereabouts
from benchmarks.scale import measuring as scale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.base.trees import Tree
    from benchmarks.figures import Section

#: Section of real tasks -> the kinds of API server that it needs.
AIRFLOW = {
    "worker": ("worker",),
    "server": ("server",),
    "not-direct": ("worker",),
    "cold": ("worker", "server", "absent"),
}
#: Sections that need a base revision.
OF_TWO = ("cold-before",)
COMMANDS = {
    "run": ("memory", "stored", "far", "own", "chain", *AIRFLOW, *OF_TWO),
    "growth": ("growth", *scale.NAMES),
}
COMMANDS["all"] = (*COMMANDS["run"], *COMMANDS["growth"])


class Bench:
    """One run of the bench.

    Args:
        folder: The folder for its figures.
        url: The URL of its Redis.
        trees: This tree, and before it the base if there is one.
        quick: Whether fewer rounds and values are enough.
    """

    def __init__(self, folder: Path, url: str, trees: Sequence[Tree], *, quick: bool) -> None:
        self._folder = folder
        self._url = url
        self._trees = trees
        self._quick = quick
        self._start = time.monotonic()
        with redis.Redis.from_url(url) as client:
            self._redis = whereabouts(client, url)

    def measure(self, sections: Sequence[str]) -> None:
        """Measure sections, and keep the figures of each as soon as there are any."""
        self._say(self._redis)
        trees, url, quick = self._trees, self._url, self._quick
        alone: dict[str, Callable[[], Section]] = {
            "memory": lambda: memory.measure(url, quick=quick),
            "stored": lambda: stored.measure(trees),
            "far": lambda: far.measure(trees, quick=quick),
            "own": lambda: players.measure(trees, url, quick=quick),
            "chain": lambda: chain.measure(trees, url, quick=quick),
            "cold-before": lambda: cold_start.measure(trees, url, quick=quick),
            "growth": lambda: growth.measure(url, quick=quick),
            **{name: functools.partial(scale.of(name), url, quick=quick) for name in scale.NAMES},
        }
        for name in sections:
            if name in alone and (name not in OF_TWO or len(trees) > 1):
                self._section(name, alone[name])
        if of_airflow := [name for name in AIRFLOW if name in sections]:
            self._in_airflow(of_airflow)

    def _in_airflow(self, sections: Sequence[str]) -> None:
        home = Path(tempfile.mkdtemp(prefix="bench-"))
        env = side_by_side.dag_env(quick=self._quick)
        needed = dict.fromkeys(kind for name in sections for kind in AIRFLOW[name])
        try:
            with contextlib.ExitStack() as stop:
                with self._step("starting Airflow"):
                    airflows, before = self._started(stop, home, list(needed), env)
                for name in sections:
                    self._section(name, lambda name=name: self._of_airflow(airflows, before, name))  # type: ignore[misc]
        except BaseException:
            self._say(f"the logs are in {home}")
            raise
        finally:
            clean_up(self._url)
        shutil.rmtree(home, ignore_errors=True)

    def _started(
        self, stop: contextlib.ExitStack, home: Path, needed: Sequence[str], env: dict[str, str]
    ) -> tuple[Airflows, Airflows | None]:
        """Start an Airflow of this tree, and one of the base if there is one."""
        started = {}
        for tree in self._trees:
            prefix = PREFIX if tree.name == NEW else f"{PREFIX}:{tree.name}"
            found = kinds(self._url, prefix, tree if len(self._trees) > 1 else None)
            wanted = [found[kind] for kind in needed if kind != "absent" or tree.name == NEW]
            folder = home / tree.name
            folder.mkdir()
            started[tree.name] = stop.enter_context(Airflows(folder, wanted, env))
        return started[NEW], started.get(BASE)

    def _of_airflow(self, airflows: Airflows, before: Airflows | None, name: str) -> dict[str, Any]:
        if name == "cold":
            return cold.measure(airflows, quick=self._quick)
        return side_by_side.measure(airflows, name, self._url, PREFIX, quick=self._quick, before=before)

    def _section(self, name: str, measure: Callable[[], dict[str, Any]]) -> None:
        with self._step(name):
            before = {"before": self._trees[0].commit} if len(self._trees) > 1 else {}
            figures.save(self._folder, name, measure(), quick=self._quick, redis=self._redis, **before)

    @contextlib.contextmanager
    def _step(self, text: str) -> Iterator[None]:
        self._say(f"{text} ...")
        start = time.monotonic()
        yield
        self._say(f"{text}: {time.monotonic() - start:.0f} s")

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._start:4.0f} s] {text}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(arguments)
    folder = (options.figures or (figures.QUICK_FOLDER if options.quick else figures.FOLDER)).resolve()
    wanted = options.only if options.only else COMMANDS.get(options.command, ())
    if options.resume:
        wanted = [name for name in wanted if name not in figures.load(folder)]
    if wanted:
        trees = [*([lay_out(options.base)] if options.base else []), this_tree()]
        os.chdir(tempfile.gettempdir())  # `python -m airflow` looks for packages there first, before PYTHONPATH
        with redis_for_bench() as url:
            Bench(folder, url, trees, quick=options.quick).measure(wanted)
    sections = figures.load(folder)
    print(report.as_text(sections))
    if options.command == "render" or (options.command in COMMANDS and not (options.quick or options.no_docs)):
        report.write(sections)
    exceeded = [check for check in limits.checks(sections) if check.verdict != "ok"]
    print(f"\n{len(exceeded)} limits are exceeded" if exceeded else "\nno limit is exceeded")
    return int(bool(exceeded) and not options.no_limits)


def _sections(text: str) -> list[str]:
    names = text.split(",")
    if unknown := set(names) - set(COMMANDS["all"]):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(COMMANDS['all'])}")
    return names


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "command",
        choices=[*COMMANDS, "show", "render"],
        nargs="?",
        default="run",
        help="run (the default): measure in a real Airflow, as `make bench` does. growth: measure what grows. "
        "all: both. show: print the latest figures. render: write them into docs/explanation/performance.md",
    )
    parser.add_argument(
        "--quick", action="store_true", help="measure fewer rounds and values, and leave the docs alone"
    )
    parser.add_argument("--base", help="the git revision of a build before; each row then has a ratio to it")
    parser.add_argument("--resume", action="store_true", help="measure only the sections that have no figures yet")
    parser.add_argument(
        "--only",
        type=_sections,
        help=f"measure only some of {', '.join(COMMANDS['all'])}. `stored` is "
        "what make bench-memory prints; `memory` is that of a process; cold-before needs --base",
    )
    parser.add_argument("--no-limits", action="store_true", help="exit with 0 even if a limit is exceeded")
    parser.add_argument("--no-docs", action="store_true", help="leave the docs alone")
    parser.add_argument("--figures", type=Path, help=f"the folder of the figures; by default {figures.FOLDER}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
