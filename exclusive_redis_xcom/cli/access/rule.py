"""`exclusive-xcom rule CODE` explains a check of lint; without a code, it lists all of them."""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from exclusive_redis_xcom.access import near
from exclusive_redis_xcom.access.lint import CHECKS
from exclusive_redis_xcom.access.undecided import UndecidedError
from exclusive_redis_xcom.cli.access import forms, status

if TYPE_CHECKING:
    import argparse

    from exclusive_redis_xcom.access.finding import Check

_WIDTH = 79


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description = (
        "Explain a check of lint: what it finds, why that matters, an example, and what to do. Without a code, list "
        "all checks."
    )
    parser.add_argument("code", nargs="?", metavar="CODE", help="the check's code or name, as in EX101 or unknown-task")
    forms.add_option(parser, ("text", "json"), default="text", help="text (default) or json")


@status.undecided_on_error
def main(args: argparse.Namespace) -> int:
    """Print the explanation.

    Returns:
        0, or 2 if there is no such check.
    """
    chosen = list(CHECKS.values()) if args.code is None else [check_named(args.code)]
    if args.output == "json":
        sys.stdout.write(f"{json.dumps({'schema': 1, 'rules': [asdict(check) for check in chosen]}, indent=2)}\n")
    elif args.code is None:
        sys.stdout.write("".join(f"{check.code}  {check.level:7}  {check.name}\n" for check in chosen))
    else:
        sys.stdout.write(explained(chosen[0]))
    return status.YES


def check_named(name: str) -> Check:
    """Return a check by its code or its name.

    Raises:
        UndecidedError: There is no such check.
    """
    for check in CHECKS.values():
        if name.upper() == check.code or name.lower() == check.name:
            return check
    if name[-1:].isdigit():
        # Codes of one group begin in the same way. Digits alone are not near each other.
        begun = next((name[:end] for end in range(len(name), 3, -1) if _is_begun(name[:end])), "")
        guess = near.did_you_mean(begun, CHECKS) if begun else ""
    else:
        guess = near.did_you_mean(name, [check.name for check in CHECKS.values()])
    raise UndecidedError(f"There is no check '{name:.40}'.{guess}\nThe codes are {', '.join(CHECKS)}.")


def _is_begun(text: str) -> bool:
    return any(code.startswith(text.upper()) for code in CHECKS)


def explained(check: Check) -> str:
    """Explain a check, in lines that fit a terminal."""
    parts = [f"{check.code} {check.name} ({check.level})", textwrap.fill(check.what, _WIDTH)]
    parts.append(textwrap.fill(f"Why: {check.why}", _WIDTH))
    if check.example:
        parts.append("Example:\n" + textwrap.indent(check.example, "    "))
    parts.append(textwrap.fill(f"Fix: {check.fix}", _WIDTH))
    parts.append(
        textwrap.fill(f"To leave a finding out, write on its line: # exclusive-xcom: ignore {check.code}", _WIDTH)
    )
    return "\n\n".join(parts) + "\n"
