"""Keep objects of restricted values out of "rendered fields", which Airflow stores in its database and shows.

Airflow masks strings there. Every other object becomes one text, as `str` writes it: the cells of a DataFrame, the
fields of a dataclass. So objects whose types were found in a restricted value are shown as `<DataFrame 1x2,
restricted>`. The task gets the object itself. Airflow has no hook for that, so a function of its task runner is
replaced (`airflow/sdk/execution_time/task_runner.py`, `_serialize_template_field` in 3.1 to 3.3).
"""

from __future__ import annotations

import functools
import logging
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exclusive_redis_xcom.codec.shape import shape_of
from exclusive_redis_xcom.reporting.value_parts import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Set

log = logging.getLogger("exclusive_redis_xcom")

_RUNNER = "airflow.sdk.execution_time.task_runner"
_SERIALIZE = "_serialize_template_field"

#: What stands for something that cannot be shown otherwise.
_RESTRICTED = "<restricted>"


@dataclass(slots=True)
class _Hidden:
    """Which objects this process hides. With `all_types`, it hides all that are not plain."""

    types: set[type] = field(default_factory=set)
    all_types: bool = False
    warned: bool = False


_hidden = _Hidden()


def forget() -> None:
    """Hide nothing any more. Tests need this: they play many processes in one."""
    global _hidden  # noqa: PLW0603 - a process has one task runner; this is what is hidden in it
    _hidden = _Hidden()


def hide(types: Set[type], *, all_types: bool = False) -> None:
    """Let no object of these types appear in the rendered fields of this process's task.

    Other objects of the same types are hidden, too.

    Args:
        types: None of `PLAIN`, whose values Airflow masks part by part.
        all_types: Whether to hide all objects that are not plain, because not all types are known.
    """
    if not types and not all_types:
        return
    _hidden.types |= types
    _hidden.all_types = _hidden.all_types or all_types
    runner = sys.modules.get(_RUNNER)
    if runner is None:  # this process renders no fields
        return
    airflows = getattr(runner, _SERIALIZE, None)
    if airflows is not None:
        if not hasattr(airflows, "__wrapped__"):
            setattr(runner, _SERIALIZE, _hiding(airflows))
    elif not _hidden.warned:
        _hidden.warned = True
        log.warning(
            "Rendered fields may show restricted objects: this release of Airflow renders them in another way.\n"
            "Pull such values with ti.xcom_pull(...) inside the task."
        )


def _hiding(airflows: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(airflows)
    def serialize(template_field: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            shown = _shown(template_field)
        except Exception:  # for example a list that holds itself
            shown = _RESTRICTED
        return airflows(shown, *args, **kwargs)

    return serialize


def _shown(value: Any) -> Any:
    """Return a field with a text in place of each hidden object; the field itself where there is none.

    Airflow shows the parts of a container of any class, such as a named tuple. So its parts are looked at here, too.
    """
    if _is_hidden_itself(value):
        return _described(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [_shown(item) for item in value]
        same = all(new is old for new, old in zip(items, value, strict=True))
        return value if same else items
    if isinstance(value, dict):
        if any(map(_is_hidden, value)):
            return _described(value)  # its keys cannot be replaced one by one: they may become the same
        contents = {key: _shown(content) for key, content in value.items()}
        same = all(contents[key] is content for key, content in value.items())
        return value if same else contents
    return value


def _is_hidden(value: Any) -> bool:
    if _is_hidden_itself(value):
        return True
    return isinstance(value, (tuple, frozenset)) and any(map(_is_hidden, value))


def _is_hidden_itself(value: Any) -> bool:
    kind = type(value)
    return kind not in PLAIN and (_hidden.all_types or kind in _hidden.types)


def _described(value: Any) -> str:
    shape = shape_of(value)
    size = "" if shape is None else f" {'x'.join(map(str, shape))}"
    return f"<{type(value).__name__}{size}, restricted>"
