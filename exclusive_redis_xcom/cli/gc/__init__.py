"""`exclusive-xcom gc` removes objects of spilled values whose hash in Redis is gone.

docs/reference/large-values.md describes it.
"""

from __future__ import annotations

import contextlib
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import airflow_home
from exclusive_redis_xcom.cli import units
from exclusive_redis_xcom.model import one_line
from exclusive_redis_xcom.reporting.redis_remedy import remedy
from exclusive_redis_xcom.tracebacks import errors_without_locals

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from exclusive_redis_xcom.cli.gc.collecting import Outcome
    from exclusive_redis_xcom.settings import Settings
    from exclusive_redis_xcom.store import Store

_DONE, _REFUSED, _FAILED = 0, 1, 2
_LONGEST_NAME = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Remove the objects below [exclusive_redis_xcom] spill_path that no value in Redis refers to any more. They "
        "are left by expired values, by deleted DAGs and runs, and by interrupted pushes. Run this command about once "
        "a day, with the settings of workers. Exit status: 0 done, or nothing to do because spill_path is not set; 1 "
        "refused because Redis knows none of the objects; 2 settings, Redis or the object storage failed."
    )
    parser.add_argument(
        "--older-than",
        type=units.age,
        default="1h",
        metavar="AGE",
        help="leave objects that were written within this time, such as 30m, 1h or 7d. Give at least 1m, and more than "
        "the longest upload takes (default: 1h)",
    )
    parser.add_argument("--dry-run", action="store_true", help="remove nothing; only count what would be removed")
    parser.add_argument(
        "--force",
        action="store_true",
        help="remove 100 or more objects even if Redis knows none of them, for example because it was emptied",
    )


@errors_without_locals
def main(args: argparse.Namespace) -> int:
    """Collect objects, and print what was found.

    Returns:
        0 if all went well, 1 if Redis names none of many objects, so that nothing was removed, 2 if something failed.
    """
    # Output of Airflow and its plugins must not get between the lines of the report.
    with contextlib.redirect_stdout(sys.stderr), airflow_home.nothing_left_behind():
        try:
            import airflow.settings  # noqa: F401 - reads and checks Airflow's configuration
        except Exception as error:  # a configuration may fail in any way; its text may quote it
            reason = f"Airflow cannot be loaded ({type(error).__name__}). `airflow config list` shows why."
            status, text = _FAILED, reason
        else:
            status, text = _collected(args)
    (sys.stderr if status else sys.stdout).write(f"{text}\n")
    return status


def _collected(args: argparse.Namespace) -> tuple[int, str]:
    """Collect objects; return the exit status and the text to print."""
    from exclusive_redis_xcom.cli.gc.collecting import NoneInUse, collect
    from exclusive_redis_xcom.errors import ExclusiveXComError
    from exclusive_redis_xcom.object_storage import ObjectStorage
    from exclusive_redis_xcom.settings import SECTION, load_settings

    try:
        settings = load_settings()
        if settings.spill_path is None:  # a daily job is no failure where no value is ever spilled
            return _DONE, f"[{SECTION}] spill_path is not set, so there are no objects to remove."
        storage = ObjectStorage(settings.spill_path)
        before = datetime.now(timezone.utc) - args.older_than
        with _store(settings) as store:
            outcome = collect(store, storage, written_before=before, dry_run=args.dry_run, force=args.force)
    except NoneInUse:
        return _REFUSED, (
            f"Redis names none of the objects in {storage.endpoint}, so nothing was removed. Check that this is the "
            "Redis, and the key_prefix, of these objects. If that Redis was emptied, run gc with --force."
        )
    except ExclusiveXComError as error:  # its text quotes no secret
        return _FAILED, str(error)
    except Exception as error:  # Airflow's database or secrets backend failed, and its text may quote URLs
        return _FAILED, f"Failed: {type(error).__name__}."
    return _DONE, _report(storage.endpoint, outcome, dry_run=args.dry_run)


@contextlib.contextmanager
def _store(settings: Settings) -> Iterator[Store]:
    from exclusive_redis_xcom.settings.redis import redis_client
    from exclusive_redis_xcom.store import Store

    with contextlib.closing(redis_client(settings, remedy=remedy)) as client:
        yield Store(client, key_prefix=settings.key_prefix)


def _report(endpoint: str, outcome: Outcome, *, dry_run: bool) -> str:
    rows = {
        "in use": outcome.in_use,
        "too young to tell": outcome.young,
        "would be removed" if dry_run else "removed": outcome.removed,
        "not ours, left": outcome.foreign,
    }
    lines = [
        endpoint,
        *(f"  {name:<18}{tally.objects:>9}  {units.in_bytes(tally.bytes):>10}" for name, tally in rows.items()),
    ]
    lines += [f"  left: {one_line(name, _LONGEST_NAME)}" for name in outcome.foreign_names]
    if outcome.foreign.objects > len(outcome.foreign_names):
        lines.append("  left: ...")
    return "\n".join(lines)
