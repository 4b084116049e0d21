"""`BENCH_PACKAGE=unpreloaded` holds for this build, and for builds whose plugin loads ahead by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from devtools.airflow_home import ROOT

OLDER = """\
def _preload():
    import redis

def _listeners():
    _preload()
    return ["listener"]

listeners = _listeners()
"""
THIS = """\
from exclusive_redis_xcom.airflow import preloading

preloading.preload()
listeners = ["listener"]
"""
#: A process that loads the plugin, and then a fork of it, as a scheduler and its task.
PROGRAM = """\
import os, sys
from exclusive_redis_xcom.airflow import plugin
assert plugin.listeners == ["listener"]
child = os.fork()
if not child:
    print(sys.modules["sitecustomize"].preloaded, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.parametrize(("package", "preloaded"), [("unpreloaded", "False"), ("whole", "True")])
@pytest.mark.parametrize("plugin", [OLDER, THIS], ids=["older", "this"])
def test_nothing_is_loaded_before_the_fork(tmp_path: Path, plugin: str, package: str, preloaded: str) -> None:
    folder = tmp_path / "exclusive_redis_xcom" / "airflow"
    folder.mkdir(parents=True)
    for package_folder in (folder, folder.parent):
        (package_folder / "__init__.py").touch()
    (folder / "plugin.py").write_text(plugin)
    (folder / "preloading.py").write_text("def preload():\n    import redis\n")

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "BENCH_PACKAGE": package,
            "PYTHONPATH": os.pathsep.join([os.fspath(tmp_path), os.fspath(ROOT / "benchmarks" / "site")]),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout.strip(), done.returncode) == (preloaded, 0), done.stderr
