"""`exclusive-xcom snapshot` writes who may read what as a file to commit, and checks that the file still holds."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import snapshot_files, snapshot_lines
from exclusive_redis_xcom.access.snapshot import Snapshot
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.cli.access import dags, forms, status

if TYPE_CHECKING:
    import argparse

    from exclusive_redis_xcom.access import Access

_MOST_LINES = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Write who may read which XCom, in one line for each grant and in a fixed order. Commit the file beside the "
        "DAGs: `git diff` then shows who gains access. Exit status: 0; with --check, 1 if the file differs; 2 if it "
        "cannot be decided."
    )
    forms.add_option(
        parser,
        ("text", "json", "facts"),
        default=None,
        help="text; json, the same lines; or facts, all that the DAGs say, which `diff` reads (default: text, or json "
        "for a file *.json)",
        to_file=True,
    )
    parser.add_argument("--check", type=Path, metavar="FILE", help="compare with this file, and print the difference")
    dags.add_options(parser)


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Write or check the snapshot.

    Returns:
        0, or 1 if the file that is checked differs.
    """
    if args.check and args.output_file:
        raise UndecidedError("--check and --output-file exclude each other.\nWrite the file, or check it.")
    file: Path | None = args.check or args.output_file
    format = args.output or ("json" if file is not None and file.suffix == ".json" else "text")
    access = dags.access_of(args)
    text = _written(access, format)
    if args.check:
        return _checked(args.check, text)
    forms.deliver(text, args.output_file)
    return status.YES


def _written(access: Access, format: str) -> str:
    if format == "facts":
        return snapshot_files.facts_as_json(access.dags.values())
    snapshot = Snapshot.of(access.dags)
    return snapshot_files.as_json(snapshot) if format == "json" else snapshot_lines.dumps(snapshot)


def _checked(file: Path, text: str) -> int:
    try:
        known = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UndecidedError(
            f"There is no snapshot '{file}'.\nWrite it with the same command: --output-file {file} in place of --check."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UndecidedError(f"The snapshot '{file}' cannot be read ({type(error).__name__}).") from None
    if known.replace("\r\n", "\n") == text:
        return status.YES
    # Names with unprintable characters are JSON in a snapshot. Somebody may have written another file, though.
    shown = (
        "".join(character if character.isprintable() else "?" for character in line)
        for line in difflib.unified_diff(
            known.splitlines(), text.splitlines(), f"{file}", f"{file} (what the DAGs say)", n=1, lineterm=""
        )
    )
    for number, line in enumerate(shown):
        if number == _MOST_LINES:
            sys.stdout.write("...\n")
            break
        sys.stdout.write(f"{line}\n")
    sys.stderr.write(
        f"The snapshot '{file}' differs from the DAGs.\n"
        "If the difference is meant, write it with the same command (--output-file in place of --check), and commit "
        "it.\n"
    )
    return status.NO
