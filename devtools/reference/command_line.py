"""The commands of `exclusive-xcom`, from their parsers.

The text of `--help` is not used as it is: Python's releases lay it out in different ways.
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from devtools.reference.markdown import outside_code, table
from exclusive_redis_xcom.cli import program

if TYPE_CHECKING:
    from collections.abc import Iterator


_EXIT_STATUS = re.compile(r"(.*) Exit status: (.*?\.)(?= [A-Z]|$)(.*)", re.DOTALL)
_STATUS = re.compile(r"(\d) (.+)", re.DOTALL)
_IN_CODE = re.compile(r"(?<![\w`-])--?[a-z][a-z-]*\b|\b[A-Z]+_[A-Z_]+[A-Z]\b|\b[a-z]+(?:_[a-z]+)+\b")


def all_commands() -> str:
    """Return a table of all commands, and a section for each of them."""
    rows = (
        (f"[{name}](#{name})", _marked(f"{command.help[:1].upper()}{command.help[1:]}."))
        for name, command in program.COMMANDS.items()
    )
    return "\n\n".join([table(("Command", "What it does"), rows), *map(_section, program.COMMANDS)])


def _section(name: str) -> str:
    parser = parser_of(name)
    pieces = [f"## {name}", *_description(parser), f"```text\n{_usage(name, parser)}\n```"]
    rows = [*_rows(parser)]
    if rows:
        pieces.append(table(("Argument", "Meaning"), rows))
    return "\n\n".join(piece for piece in pieces if piece)


def _description(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the description, and what the exit status says. A description with a layout of its own stays as it is."""
    description = (parser.description or "").strip()
    if parser.formatter_class is argparse.RawDescriptionHelpFormatter:
        yield f"```text\n{description}\n```"
        return
    found = _EXIT_STATUS.fullmatch(description)
    if found is None:
        yield _marked(description)
        return
    before, status, after = found.groups()
    yield _marked(f"{before}{after}")
    meanings = [_STATUS.fullmatch(part) for part in re.split(r"; (?=\d )", status.rstrip("."))]
    if all(meanings):
        yield table(("Exit status", "Meaning"), ((one[1], _marked(one[2])) for one in meanings if one))
    else:
        yield _marked(f"**Exit status:** {status}")


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command, with its arguments."""
    parser = argparse.ArgumentParser(prog=f"exclusive-xcom {name}")
    program.module_of(name).add_arguments(parser)
    return parser


def _usage(name: str, parser: argparse.ArgumentParser) -> str:
    given = [_shown(action) for action in _actions(parser) if not action.option_strings]
    has_options = any(action.option_strings for action in _actions(parser))
    return " ".join(["exclusive-xcom", name, *(["[options]"] if has_options else []), *given])


def _shown(action: argparse.Action) -> str:
    """Return a positional argument as usage lines show it."""
    name = str(action.metavar or action.dest)
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)


def _rows(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in _actions(parser):
        if not action.option_strings:
            yield f"`{action.metavar or action.dest}`", _help(parser, action)
            continue
        value = "" if action.nargs == 0 else f" {action.metavar or _choices(action)}"
        yield ", ".join(f"`{option}{value}`" for option in action.option_strings), _help(parser, action)


def _actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Return the arguments that users may know of. All commands have `--help`, so it is left out."""
    return [one for one in parser._actions if one.help != argparse.SUPPRESS and "--help" not in one.option_strings]


def _choices(action: argparse.Action) -> str:
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    return _marked(parser._get_formatter()._expand_help(action))


def _marked(text: str) -> str:
    """Return a text of the command with options and names in code."""
    return outside_code(text, lambda part: _IN_CODE.sub(lambda found: f"`{found[0]}`", part))
