"""The public names of the package and of its tests' helpers, from their docstrings and signatures."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import TYPE_CHECKING, Any

import exclusive_redis_xcom
from devtools.reference.docstring import docstring_of
from devtools.reference.markdown import table
from exclusive_redis_xcom import errors, testing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_WIDTH = 100


def public_names() -> str:
    """Return a section for each public name of the package. Errors have a page of their own."""
    return _sections(exclusive_redis_xcom)


def names_for_tests() -> str:
    """Return a section for each public name of `exclusive_redis_xcom.testing`."""
    return _sections(testing)


def _sections(module: ModuleType) -> str:
    documented = {name: getattr(module, name) for name in module.__all__}
    kept = {name: one for name, one in documented.items() if one.__module__ != errors.__name__}
    # Functions first: they are what users call.
    return "\n\n".join(
        _section(name, one) for name, one in sorted(kept.items(), key=lambda item: isinstance(item[1], type))
    )


def _section(name: str, documented: Any) -> str:
    pieces = [f"### {name}"]
    if not isinstance(documented, type):
        pieces.append(f"```python\n{signature(name, documented)}\n```")
    pieces.append(_described(documented, but=() if inspect.isfunction(documented) else ("Args",)))
    if isinstance(documented, type):
        pieces += _members(documented)
    return "\n\n".join(pieces)


def _members(documented: type) -> Iterator[str]:
    """Yield what a class offers by itself: its methods and properties that have a docstring."""
    for name, member in vars(documented).items():
        if name.startswith("_") or isinstance(member, (classmethod, staticmethod)) or not inspect.getdoc(member):
            continue
        if isinstance(member, property):
            yield f"#### {name}\n\n{_described(member)}"
        elif inspect.isfunction(member):
            yield f"#### {name}()\n\n```python\n{signature(name, member)}\n```\n\n{_described(member)}"


def _described(documented: Any, but: tuple[str, ...] = ()) -> str:
    """Return what a docstring says. Sections in `but` are left out."""
    docstring = docstring_of(documented)
    pieces = [docstring.text]
    for section, first in (("Args", "Argument"), ("Attributes", "Attribute"), ("Raises", "Raises")):
        if section in docstring.lists and section not in but:
            second = "When" if section == "Raises" else "Meaning"
            pieces.append(table((first, second), ((f"`{name}`", text) for name, text in docstring.lists[section])))
        if section == "Args" and docstring.returns:
            pieces.append(f"**It returns:** {docstring.returns}")
    return "\n\n".join(pieces)


def signature(name: str, function: Any) -> str:
    """Return a signature as the source has it, so that all releases of Python give the same text."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise TypeError(f"{name} is no function")
    if tree.args.args[:1] and tree.args.args[0].arg == "self":
        del tree.args.args[0]
    returns = f" -> {ast.unparse(tree.returns)}" if tree.returns else ""
    arguments = [*_arguments(tree.args, inspect.unwrap(function).__globals__)]
    line = f"{name}({', '.join(arguments)}){returns}"
    if len(line) > _WIDTH:
        line = f"{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + f"){returns}"
    # Names of type variables are private.
    return re.sub(r"\b_([A-Z]\w*)\b", r"\1", line)


def _arguments(given: ast.arguments, names: dict[str, Any]) -> Iterator[str]:
    defaults = [None] * (len(given.args) - len(given.defaults)) + [*given.defaults]
    for argument, default in zip(given.args, defaults, strict=True):
        yield _argument(argument, default, names)
    if given.vararg:
        yield f"*{_argument(given.vararg)}"
    elif given.kwonlyargs:
        yield "*"
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _argument(argument, default, names)
    if given.kwarg:
        yield f"**{_argument(given.kwarg)}"


def _argument(argument: ast.arg, default: ast.expr | None = None, names: dict[str, Any] | None = None) -> str:
    text = ast.unparse(argument)
    if default is None:
        return text
    shown = ast.unparse(default)
    if isinstance(default, ast.Name):  # a constant of ours
        value = (names or {})[default.id]
        shown = repr(value) if isinstance(value, (str, int)) else "..."
    return f"{text} = {shown}" if argument.annotation else f"{text}={shown}"
