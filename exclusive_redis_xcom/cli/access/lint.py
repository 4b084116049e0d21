"""`exclusive-xcom lint` checks the access rules of DAG files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access.finding import LEVELS
from exclusive_redis_xcom.access.lint import CHECKS, Linted, baseline, lint
from exclusive_redis_xcom.access.lint.selection import selected
from exclusive_redis_xcom.access.lint.suppression import without_suppressed
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.cli.access import dags, forms, lint_input, rule, status
from exclusive_redis_xcom.cli.access.finding_formats import FORMATS, render
from exclusive_redis_xcom.cli.access.lint_input import LintInput

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from exclusive_redis_xcom.access.finding import Finding

_TOOL = "exclusive-xcom lint"
_NEVER = "never"
#: A file that was not loaded: what is not found proves nothing.
_NOT_LOADED = "EX190"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Check the access rules of DAG files, and what tasks pull. Exit status: 0 nothing found; 1 findings at "
        "--fail-level or above; 2 it cannot be decided, for example because a file cannot be loaded."
    )
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help=f"DAG files and folders (default: {dags.OWN})"
    )
    forms.add_option(parser, FORMATS, default="text", help=f"{', '.join(FORMATS)} (default: text)", to_file=True)
    parser.add_argument("--explain", metavar="CODE", help="explain a check, and check nothing")
    group = parser.add_argument_group("which findings count")
    group.add_argument("--select", type=_codes, action="extend", metavar="CODES", help="only these, as in EX10,EX121")
    group.add_argument("--ignore", type=_codes, action="extend", metavar="CODES", help="not these")
    group.add_argument(
        "--fail-level",
        choices=(*LEVELS, _NEVER),
        default="warning",
        metavar="LEVEL",
        help=f"the lowest level that ends with status 1: {', '.join((*LEVELS, _NEVER))} (default: warning)",
    )
    group.add_argument("--baseline", type=Path, metavar="FILE", help="leave out the findings that this file has")
    group.add_argument("--write-baseline", type=Path, metavar="FILE", help="write all findings to such a file, and end")
    dags.add_options(parser, files="the same as one PATH")


def _codes(text: str) -> list[str]:
    return [code.strip().upper() for code in text.split(",") if code.strip()]


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Check, and print the report.

    Returns:
        0 if nothing is found, 1 for findings at the level or above it, 2 if it cannot be decided.
    """
    if args.explain is not None:
        sys.stdout.write(rule.explained(rule.check_named(args.explain)))
        return status.YES
    known = frozenset() if args.baseline is None else baseline.read(args.baseline)
    selected([], args.select or (), args.ignore or ())  # a wrong code is said before files are parsed
    findings = _found(args)
    if args.write_baseline is not None:
        baseline.write(args.write_baseline, findings)
        sys.stderr.write(f"{len(findings)} findings are now known in {args.write_baseline}.\n")
        return status.YES
    findings, gone = baseline.without_known(findings, known)
    if gone:
        sys.stderr.write(f"{gone} findings of the baseline occur no more. Write it again with --write-baseline.\n")
    forms.deliver(render(findings, args.output, tool=_TOOL, rules=CHECKS), args.output_file)
    return exit_status(findings, args.fail_level)


def _found(args: argparse.Namespace) -> list[Finding]:
    read = _read(args)
    findings = read.with_places(selected(lint(read.linted), args.select or (), args.ignore or ()))
    if args.serialized:
        return findings  # a file of the same name may be here, and it may be another one
    texts = {file: lint_input.text_of(file) for file in {finding.file for finding in findings}}
    return without_suppressed(findings, texts)


def _read(args: argparse.Namespace) -> LintInput:
    paths = args.paths or ([] if args.dags is None else [args.dags])
    if args.serialized:
        if paths:
            raise UndecidedError("DAG files and --serialized exclude each other.\nName one of them.")
        return LintInput(Linted(tuple(dags.access_of(args).dags.values())), {}, {})
    if not paths:
        dags.require_airflow("PATH")
    word = args.default_consumers or dags.default_consumers()
    return lint_input.read(paths or [dags.dags_folder()], default_consumers=word, timeout=args.timeout)


def exit_status(findings: Iterable[Finding], fail_level: str) -> int:
    """Return the status for findings: 2 if a file was not loaded, 1 if one is at the level or above it, else 0."""
    findings = tuple(findings)
    if any(finding.code == _NOT_LOADED for finding in findings):
        return status.UNDECIDED
    failing = () if fail_level == _NEVER else LEVELS[: [*LEVELS].index(fail_level) + 1]  # type: ignore[arg-type]
    return status.NO if any(finding.level in failing for finding in findings) else status.YES
