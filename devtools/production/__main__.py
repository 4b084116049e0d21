"""Start an Airflow as in production (Celery, PostgreSQL, FAB, two API servers), and keep it until Ctrl-C."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from devtools.airflow_home import ROOT
from devtools.components import ADMIN
from devtools.production import needs
from devtools.production.accounts import MODES
from devtools.production.stack import Production


def main() -> int:
    """Start the stack, say where it is, wait, and stop it. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devtools.production", description=__doc__)
    parser.add_argument(
        "mode",
        choices=MODES,
        nargs="?",
        default="server",
        help="Airflow's default backend, or ours with enforcement = worker or server (default: server)",
    )
    parser.add_argument(
        "--dags",
        type=Path,
        default=ROOT / "examples",
        help="a folder of DAG files, which are copied (default: examples/)",
    )
    arguments = parser.parse_args()
    try:
        needs.ensure()
    except needs.NeedError as error:
        print(f"skipped: {error}")
        return 0
    home = Path(tempfile.mkdtemp(prefix="exclusive-xcom-production-"))
    shutil.copytree(arguments.dags, home / "dags")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    try:
        with Production(home, arguments.mode) as airflow:
            print(f"started in {time.monotonic() - began:.0f} s; its folder is {home}")
            print(f"UI: {airflow.url}, login {ADMIN}, password {airflow.accounts.secrets.admin}", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
