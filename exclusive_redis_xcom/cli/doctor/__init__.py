"""`exclusive-xcom doctor` looks at the installation it runs in, and says what is wrong and what to do about it.

Each subject has a module, here or in `exclusive_redis_xcom.health`; `_examine` lists them. A check is a function that
takes a `visit.Visit` and yields findings. The doctor prints no password, key or value. See docs/how-to/doctor.md.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import airflow_home
from exclusive_redis_xcom.cli.access import forms
from exclusive_redis_xcom.cli.doctor import report
from exclusive_redis_xcom.health.examining import REDIS_URL_VARIABLE, made
from exclusive_redis_xcom.health.finding import IDS, Finding
from exclusive_redis_xcom.health.visit import Visit
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_TEXT, _JSON = "text", "json"
_HEALTHY, _FAILED, _CANNOT_CHECK = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Check the installation that this command runs in, and say what to change. Run it in each kind of container: "
        "with --role worker where tasks run, and with --role api-server on API servers. Exit status: 0 nothing failed; "
        "1 something failed (with --strict also: there is a warning); 2 Airflow cannot be loaded, or the command was "
        "called wrongly."
    )
    parser.add_argument(
        "--role",
        choices=("worker", "api-server"),
        default="worker",
        help="the kind of process that the doctor runs in (default: worker)",
    )
    parser.add_argument(
        "--url",
        action="append",
        default=[],
        metavar="URL",
        help="base URL of an API server to ask; repeat it for several servers. Without it, a worker asks the "
        "configured URLs, and an API server asks itself",
    )
    parser.add_argument(
        "--redis-url",
        metavar="URL",
        help="a Redis URL whose user may run INFO, CONFIG GET and ACL DRYRUN, for checks that the configured user may "
        f"not make. Prefer the variable {REDIS_URL_VARIABLE}: other users of the machine can see arguments",
    )
    forms.add_option(parser, (_TEXT, _JSON), default=_TEXT, help="text (default) or json")
    parser.add_argument("--json", action="store_const", const=_JSON, dest="output", help="the same as -o json")
    parser.add_argument("--quiet", action="store_true", help="print only failures and warnings; nothing if all is well")
    parser.add_argument("--strict", action="store_true", help="let warnings fail, too: exit status 1")
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        choices=sorted(IDS.values()),
        metavar="ID",
        help="do not fail because of this check, by its id in the JSON report; repeat it for several checks",
    )


@errors_without_locals
def main(args: argparse.Namespace) -> int:
    """Run all checks and print what they found.

    Returns:
        0 if nothing failed, 1 if something did, 2 if Airflow cannot be loaded, so that nothing can be checked.
    """
    # Output of Airflow and its plugins must not get between the lines of the report, or into its JSON.
    with contextlib.redirect_stdout(sys.stderr), airflow_home.nothing_left_behind():
        try:
            import airflow.settings  # noqa: F401 - reads and checks Airflow's configuration
        except Exception as error:  # a configuration may fail in any way; its text may quote it
            sys.stderr.write(
                f"Airflow cannot be loaded ({type(error).__name__}), so nothing can be checked. "
                "`airflow config list` shows what is wrong.\n"
            )
            return _CANNOT_CHECK
        found = _examine(args)
    report.show(found, as_json=args.output == _JSON, quiet=args.quiet)
    failed = found.count("FAIL") or (args.strict and found.count("warning"))
    return _FAILED if failed else _HEALTHY


def _examine(args: argparse.Namespace) -> report.Report:
    from exclusive_redis_xcom.cli.doctor import (
        celery_broker,
        celery_results,
        identity_secrets,
        kubernetes_token,
        neighbours,
        ring,
    )
    from exclusive_redis_xcom.health import airflow, causes, direct_pulls, keys, object_storage, redis, sealing
    from exclusive_redis_xcom.settings.in_force import in_force

    settings, found = airflow.read_settings()
    visit = Visit(
        role=args.role,
        settings=settings,
        urls=tuple(args.url),
        admin_url=args.redis_url or os.environ.get(REDIS_URL_VARIABLE) or None,
    )
    findings = [*found]
    subjects = (
        airflow,
        keys,
        sealing,
        identity_secrets,
        celery_results,
        celery_broker,
        neighbours,
        kubernetes_token,
        ring,
        redis,
        direct_pulls,
        object_storage,
    )
    for check in (check for subject in subjects for check in subject.CHECKS):
        findings += made(check, visit)
    findings = [_accepted(found, args.accept) for found in causes.once_each(findings, args.role)]
    return report.Report(args.role, findings, list(in_force(settings)))


def _accepted(found: Finding, ids: Sequence[str]) -> Finding:
    """Mark what the caller accepts: it stays in the report, and is neither a failure nor a warning."""
    taken = found.id in ids and found.result in ("FAIL", "warning")
    return replace(found, result="accepted") if taken else found
