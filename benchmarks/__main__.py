"""Measure, print and keep figures, and write docs/performance.md: `make bench`, `make bench-growth`, `make bench-docs`.

The figures of a section are kept as soon as it is measured, and `--resume` measures the sections that are missing.
The bench uses the Redis of REDIS_URL, or starts one. The exit code is 1 if a limit is exceeded, unless --no-limits.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis

from benchmarks import cold, figures, growth, limits, memory, report, side_by_side
from benchmarks.airflows import Airflows, kinds
from benchmarks.played import PREFIX, clean_up, redis_for_bench, whereabouts
from benchmarks.scale import measuring as scale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Section -> the kinds of API server that it needs.
AIRFLOW = {"worker": ("worker",), "server": ("server",), "cold": ("worker", "server", "absent")}
COMMANDS = {
    "run": ("memory", *AIRFLOW),
    "growth": ("growth", *scale.NAMES),
    "all": ("memory", *AIRFLOW, "growth", *scale.NAMES),
}


class Bench:
    """One run of the bench, with a folder for its figures and the URL of its Redis."""

    def __init__(self, folder: Path, url: str, *, quick: bool) -> None:
        self._folder = folder
        self._url = url
        self._quick = quick
        self._start = time.monotonic()
        with redis.Redis.from_url(url) as client:
            self._redis = whereabouts(client, url)

    def measure(self, sections: Sequence[str]) -> None:
        """Measure sections, and keep the figures of each as soon as there are any."""
        self._say(self._redis)
        of_scale = ((name, scale.of(name)) for name in scale.NAMES)
        for name, measure in (("memory", memory.measure), ("growth", growth.measure), *of_scale):
            if name in sections:
                self._section(name, lambda measure=measure: measure(self._url, quick=self._quick))  # type: ignore[misc]
        of_airflow = [name for name in AIRFLOW if name in sections]
        if of_airflow:
            self._in_airflow(of_airflow)

    def _in_airflow(self, sections: Sequence[str]) -> None:
        home = Path(tempfile.mkdtemp(prefix="bench-"))
        found = kinds(self._url, PREFIX)
        needed = dict.fromkeys(kind for name in sections for kind in AIRFLOW[name])
        env = side_by_side.dag_env(quick=self._quick)
        try:
            with self._step("starting Airflow"), contextlib.ExitStack() as stack:
                airflows = stack.enter_context(Airflows(home, [found[name] for name in needed], env))
                stop = stack.pop_all()
            with stop:
                for name in sections:
                    self._section(name, lambda name=name: self._of_airflow(airflows, name))  # type: ignore[misc]
        except BaseException:
            self._say(f"the logs are in {home}")
            raise
        finally:
            clean_up(self._url)
        shutil.rmtree(home, ignore_errors=True)

    def _of_airflow(self, airflows: Airflows, name: str) -> dict[str, Any]:
        if name == "cold":
            return cold.measure(airflows, quick=self._quick)
        return side_by_side.measure(airflows, name, self._url, PREFIX, quick=self._quick)

    def _section(self, name: str, measure: Callable[[], dict[str, Any]]) -> None:
        with self._step(name):
            figures.save(self._folder, name, measure(), quick=self._quick, redis=self._redis)

    @contextlib.contextmanager
    def _step(self, text: str) -> Any:
        self._say(f"{text} ...")
        start = time.monotonic()
        yield
        self._say(f"{text}: {time.monotonic() - start:.0f} s")

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._start:4.0f} s] {text}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    options = _parser().parse_args(arguments)
    options.figures = options.figures or (figures.QUICK_FOLDER if options.quick else figures.FOLDER)
    wanted = options.only.split(",") if options.only else COMMANDS.get(options.command, ())
    if options.resume:
        wanted = [name for name in wanted if name not in figures.load(options.figures)]
    if wanted:
        with redis_for_bench() as url:
            Bench(options.figures, url, quick=options.quick).measure(wanted)
    sections = figures.load(options.figures)
    print(report.as_text(sections))
    if options.command == "render" or (options.command in COMMANDS and not (options.quick or options.no_docs)):
        report.write(sections)
    exceeded = [check for check in limits.checks(sections) if check.verdict != "ok"]
    print(f"\n{len(exceeded)} limits are exceeded" if exceeded else "\nno limit is exceeded")
    return int(bool(exceeded) and not options.no_limits)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("command", choices=[*COMMANDS, "show", "render"], nargs="?", default="run")
    parser.add_argument(
        "--quick", action="store_true", help="measure fewer rounds and values, and leave docs/performance.md alone"
    )
    parser.add_argument("--resume", action="store_true", help="measure only the sections that have no figures yet")
    parser.add_argument("--only", help="measure only these sections, separated by commas")
    parser.add_argument("--no-limits", action="store_true", help="exit with 0 even if a limit is exceeded")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/performance.md alone")
    parser.add_argument("--figures", type=Path, help=f"the folder of the figures; by default {figures.FOLDER}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
