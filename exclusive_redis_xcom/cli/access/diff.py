"""`exclusive-xcom diff OLD NEW` tells who gains access, who loses it, and of whom nobody can know."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access import Access, snapshot_files
from exclusive_redis_xcom.access.diff import compare
from exclusive_redis_xcom.access.loading import load
from exclusive_redis_xcom.access.snapshot import Snapshot
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.cli.access import dags, diff_formats, forms, status
from exclusive_redis_xcom.cli.access.diff_formats.between import Between
from exclusive_redis_xcom.cli.access.revisions import Repository
from exclusive_redis_xcom.model import one_line

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from exclusive_redis_xcom.access.changes import AccessDiff
    from exclusive_redis_xcom.cli.access.revisions import Revision

_FAIL_ON: Final[dict[str, Callable[[AccessDiff], bool]]] = {
    "gained": lambda diff: diff.has_gains,
    "maybe": lambda diff: diff.may_have_gains,
    "any": lambda diff: bool(diff.changes),
    "never": lambda _: False,
}
#: Variables whose paths move with a revision.
_PATHS: Final = ("PYTHONPATH", "AIRFLOW__CORE__PLUGINS_FOLDER", "AIRFLOW__CORE__DAGS_FOLDER")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Tell what changes for whom between two sets of DAGs. OLD and NEW are folders with DAG files, DAG files, or "
        "files that `exclusive-xcom snapshot` wrote. Sets of readers are compared, not the texts of rules. DAG files "
        "are run to read them. Exit status: 0; 1 if there is what --fail-on names; 2 if it cannot be decided."
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="OLD NEW", help="what to compare; with --git, the DAG folder alone"
    )
    parser.add_argument(
        "--git",
        metavar="BASE..HEAD",
        help="compare two revisions of the repository; with three dots, from where both have parted",
    )
    parser.add_argument(
        "--fail-on",
        choices=tuple(_FAIL_ON),
        default="gained",
        help="when to end with status 1: if somebody gains access; if somebody perhaps does, too; at any change; or "
        "never (default: %(default)s). A longer ttl is a gain, and so is a condition less",
    )
    forms.add_option(
        parser,
        diff_formats.FORMATS,
        default="text",
        help=f"{', '.join(diff_formats.FORMATS)} (default: text)",
        to_file=True,
    )
    dags.add_options(parser, files="the same as NEW; with --git, the DAG folder")


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Compare, and write the difference.

    Returns:
        0, or 1 if there is what `--fail-on` names.
    """
    diff, between = _of_revisions(args) if args.git is not None else _of_paths(args)
    forms.deliver(diff_formats.render(diff, between, args.output), args.output_file)
    return status.NO if _FAIL_ON[args.fail_on](diff) else status.YES


def _of_paths(args: argparse.Namespace) -> tuple[AccessDiff, Between]:
    named = args.dags is not None or _is_serialized(args)
    if len(args.paths) + named != 2:
        raise UndecidedError(
            "The command compares two sets of DAGs.\nName OLD and NEW, or OLD and --dags, or two revisions with --git "
            "BASE..HEAD."
        )
    word = args.default_consumers or dags.default_consumers()
    old = args.paths[0]
    before = snapshot_files.take(old, default_consumers=word, timeout=args.timeout)
    if _is_serialized(args):
        return compare(before, Snapshot.of(dags.access_of(args).dags)), Between(str(old), "serialized DAGs")
    new = args.dags or args.paths[1]
    after = snapshot_files.take(new, default_consumers=word, timeout=args.timeout)
    folder = new if new.is_dir() else new.parent
    return compare(before, after), Between(str(old), str(new), _from_here(folder))


def _is_serialized(args: argparse.Namespace) -> bool:
    return bool(getattr(args, "serialized", False))


def _of_revisions(args: argparse.Namespace) -> tuple[AccessDiff, Between]:
    if len(args.paths) + (args.dags is not None) > 1 or _is_serialized(args):
        raise UndecidedError("With --git, the command takes one DAG folder.\nName it as it lies in the work tree.")
    path = args.paths[0] if args.paths else args.dags or Path()
    word = args.default_consumers or dags.default_consumers()
    repository = Repository(Path.cwd())
    with repository.revisions(args.git, path) as (old, new):
        before, after = (_snapshot(each, repository, word, args.timeout) for each in (old, new))
        folder = path if new.dags is None or new.dags.is_dir() else path.parent
    return compare(before, after), Between(old.name, new.name, _from_here(folder))


def _snapshot(revision: Revision, repository: Repository, word: str, timeout: float) -> Snapshot:
    if revision.dags is None:
        sys.stderr.write(f"Revision {one_line(revision.name, 200)} has no DAG files there.\n")
        return Snapshot.of({})
    loaded = load(
        revision.dags,
        default_consumers=word,
        timeout=timeout,
        start=revision.start,
        environment=_environment(revision, repository.root),
    )
    return Snapshot.of(Access(loaded.require_all()).dags)


def _environment(revision: Revision, work_tree: Path) -> dict[str, str]:
    """Return the variables with paths, moved from the work tree to a revision.

    The revision's root and its DAG folder can be imported from, too, as Airflow's DAG bundles allow it.
    """
    root = work_tree.resolve()
    found: dict[str, list[str]] = {}
    for name in _PATHS:
        parts = [Path(part).resolve() for part in os.environ.get(name, "").split(os.pathsep) if part]
        if parts:
            found[name] = [
                os.fspath(revision.root / part.relative_to(root) if part.is_relative_to(root) else part)
                for part in parts
            ]
    dags = revision.dags if revision.dags is not None and revision.dags.is_dir() else revision.start
    found.setdefault("PYTHONPATH", []).extend(map(os.fspath, dict.fromkeys((dags, revision.root))))
    return {name: os.pathsep.join(parts) for name, parts in found.items()}


def _from_here(folder: Path) -> str:
    """Return a folder as it is named from where the command runs."""
    whole, here = folder.resolve(), Path.cwd().resolve()
    return "" if whole == here else (whole.relative_to(here) if whole.is_relative_to(here) else whole).as_posix()
