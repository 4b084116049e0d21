"""The form of an answer, and where it goes: `-o FORM`, and `--output-file FILE` for what people keep.

Both say so if one is given in place of the other. A file is written only if `--output-file` names it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exclusive_redis_xcom.access.undecided import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TO_FILE: Final = "--output-file"


def add_option(
    parser: argparse.ArgumentParser, forms: Sequence[str], *, help: str, default: str | None, to_file: bool = False
) -> None:
    """Declare `-o FORM`, which is `args.output`.

    Args:
        parser: The command's parser.
        forms: The forms that the command has.
        help: What they are.
        default: The form without the option; None if the command chooses.
        to_file: Whether to declare `--output-file FILE`, too, which is `args.output_file`.
    """
    parser.add_argument(
        "-o",
        "--format",
        "--output",
        dest="output",
        type=_form(forms, to_file=to_file),
        default=default,
        metavar="FORM",
        help=help,
    )
    if to_file:
        parser.add_argument(
            _TO_FILE, type=_file(forms), metavar="FILE", help="write to this file instead of standard output"
        )


def deliver(text: str, file: Path | None) -> None:
    """Write an answer to a file, or to standard output if there is none.

    Raises:
        UndecidedError: The file cannot be written.
    """
    if file is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UndecidedError(f"The file '{file}' cannot be written ({error.strerror}).") from None


def _form(forms: Sequence[str], *, to_file: bool) -> Callable[[str], str]:
    def form(text: str) -> str:
        if text in forms:
            return text
        more = f". For a file, write {_TO_FILE} {text}" if to_file else ""
        raise argparse.ArgumentTypeError(f"'{text}' is none of the forms {', '.join(forms)}{more}")

    return form


def _file(forms: Sequence[str]) -> Callable[[str], Path]:
    def file(text: str) -> Path:
        if text in forms:
            raise argparse.ArgumentTypeError(
                f"'{text}' is a form, so write -o {text}. For a file of this name, write ./{text}"
            )
        return Path(text)

    return file
