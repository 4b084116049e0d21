"""The name of a class, found without running code of its metaclass."""

from __future__ import annotations

_MODULE, _QUALNAME = (type.__dict__[name].__get__ for name in ("__module__", "__qualname__"))


def parts_of(cls: type) -> tuple[str, str]:
    """Return module and qualified name of a class. A class without a proper module has an empty one."""
    try:
        module = _MODULE(cls)
    except AttributeError:  # somebody has deleted it
        module = ""
    name = _QUALNAME(cls)
    return (module if type(module) is str else ""), (name if type(name) is str else "?")


def name_of(cls: type) -> str:
    """Return `module.Class`, or the bare name of a builtin."""
    module, name = parts_of(cls)
    return name if module in ("", "builtins") else f"{module}.{name}"
