"""Stamp forks, and hide this package where the bench wants that. Python loads this module when it starts.

`BENCH_PACKAGE=absent`: Airflow finds no entry point of ours, as if the package were not installed.
`BENCH_PACKAGE=unpreloaded`: nothing is loaded ahead for the tasks, as in a pod of Kubernetes.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

#: `time.monotonic_ns()` when this process was forked from its parent; others read it through `sys.modules`.
forked_ns = 0
#: Whether that parent had imported redis-py.
preloaded = False


def _stamp() -> None:
    global forked_ns, preloaded  # noqa: PLW0603 - two facts about this process
    forked_ns = time.monotonic_ns()
    preloaded = "redis" in sys.modules


class _Unpreloaded(importlib.abc.MetaPathFinder):
    """Finds benchmarks/site/unpreloaded.py in place of what loads ahead. In older builds, the plugin does that."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name == "exclusive_redis_xcom.airflow.preloading":
            return importlib.util.spec_from_file_location(name, Path(__file__).with_name("unpreloaded.py"))
        if name == "exclusive_redis_xcom.airflow.plugin":
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec is not None and spec.origin is not None:
                spec.loader = _UnpreloadedPlugin(name, spec.origin)
            return spec
        return None


class _UnpreloadedPlugin(importlib.machinery.SourceFileLoader):
    """Loads the plugin without the line of older builds that loads ahead. Other builds have no such line."""

    def get_code(self, fullname: str) -> Any:
        source = self.get_source(fullname) or ""
        return self.source_to_code(source.replace("    _preload()\n", ""), self.path)


def _hide() -> None:
    _hide_from(importlib.metadata)
    with contextlib.suppress(ImportError):  # where it is installed, Airflow looks for plugins with it up to Python 3.11
        _hide_from(importlib.import_module("importlib_metadata"))


def _hide_from(module: Any) -> None:
    distributions = module.distributions

    def others(**context: Any) -> Any:
        return (found for found in distributions(**context) if found.metadata["Name"] != "exclusive-redis-xcom")

    module.distributions = others


os.register_at_fork(after_in_child=_stamp)
if os.environ.get("BENCH_PACKAGE") == "absent":
    _hide()
elif os.environ.get("BENCH_PACKAGE") == "unpreloaded":
    sys.meta_path.insert(0, _Unpreloaded())
