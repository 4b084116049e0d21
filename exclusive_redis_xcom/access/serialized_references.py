"""Find the XComs that tasks of a serialized DAG take before they run.

Airflow writes template fields as JSON where it can. What is no JSON becomes a text, in one of these forms:

- Airflow 3.2 and later write an XCom argument as the template that pulls it.
- Airflow 3.1 writes the whole field with `repr`, as in "(XComArg(<Task(PythonOperator): extract>, 'token'),)".
- Objects become their own text. A long field is cut off.

Where the text does not show everything, `is_whole` becomes False.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from exclusive_redis_xcom.access.code import UNKNOWN
from exclusive_redis_xcom.access.template_pushes import default_environment, pushes_in_serialized
from exclusive_redis_xcom.declaration.references import Reference, References
from exclusive_redis_xcom.declaration.templates import pulls_in
from exclusive_redis_xcom.model import RETURN_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from exclusive_redis_xcom.access.code import CodeFacts, ModuleCode

#: How `str` writes an XCom argument (`sdk/definitions/xcom_arg.py`). It escapes nothing.
_AS_TEMPLATE: Final = re.compile(
    r"\{\{ task_instance\.xcom_pull\(task_ids='([\w.\-]+)', dag_id='([\w.\-]+)', key='([^\\{}]*)'\) \}\}"
)
_LITERAL: Final = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
#: How `repr` writes one.
_AS_REPR: Final = re.compile(rf"XComArg\(<\w+\([^()<>]*\): ([\w.\-]+)>(?:, ({_LITERAL}))?\)")
_REPR: Final = "XComArg(<"
_OBJECT: Final = re.compile(r"<[\w.<>]+ object(?: at 0x[0-9a-f]+)?>")
_FUNCTION: Final = re.compile(r"<(?:callable|function|bound method) .*>", re.DOTALL)
_CUT_OFF: Final = "Truncated. You can change this behaviour in [core]max_templated_field_length."
_PULL: Final = "xcom_pull"


class SerializedReferences(References):
    """Walks the values of one task of a serialized DAG.

    Args:
        dag_id: The DAG.
        upstream: The tasks that come directly before the task. An argument makes its producer one of them.
        files: How the names of template files end.
        code: The code of the DAG's file, if it is known.

    Attributes:
        is_whole: Whether all values so far show every XCom that they take.
        code: What is known of the keys that values push while they are rendered.
    """

    def __init__(
        self, dag_id: str, upstream: Collection[str], files: tuple[str, ...] = (), code: ModuleCode | None = None
    ) -> None:
        super().__init__()
        self.code: list[CodeFacts] = []
        self._files = files
        self._module = code
        self._dag_id = dag_id
        self._upstream = upstream
        self.is_whole = True

    def of_text(self, text: str) -> Iterable[Reference]:
        """Return the XComs that a text takes: a template, or what Airflow made of something else."""
        if self._files and text.endswith(self._files):
            self.code.append(UNKNOWN)  # a file that is not read here
        if "{" not in text and "<" not in text and not text.startswith(_CUT_OFF):
            return ()
        argument = _AS_TEMPLATE.fullmatch(text)
        if argument is not None and argument[2] == self._dag_id:
            how: Any = "argument" if argument[1] in self._upstream else "template"
            return [Reference(None, argument[1], argument[3], how)]
        if text.startswith(_CUT_OFF) or _OBJECT.search(text):
            self.is_whole = False
            self.code.append(UNKNOWN)
        self.code.append(pushes_in_serialized(text))
        found: list[Reference] = []
        if _REPR in text:
            found += self._of_repr(text)
            text = _AS_REPR.sub("", text)
        if _PULL in text:
            of_template, is_whole = _pulls(text)
            found += of_template
            self.is_whole = self.is_whole and is_whole
        return found

    def _of_repr(self, text: str) -> Iterator[Reference]:
        matches = list(_AS_REPR.finditer(text))
        self.is_whole = self.is_whole and len(matches) == text.count(_REPR)
        for match in matches:
            yield Reference(None, match[1], RETURN_KEY if match[2] is None else ast.literal_eval(match[2]), "argument")

    def of_object(self, value: Any) -> Iterable[Reference] | None:
        """Return the XComs of an encoded XCom argument; None for anything else."""
        if isinstance(value, dict) and value.get("__type") == "xcomref":
            self._note_functions(value["__var"])
            return list(_of_argument(value["__var"]))
        return None

    def of_field(self, value: Any) -> Iterator[Reference]:
        """Yield every XCom that a template field takes. A function may stand in its place, and gets the context."""
        if isinstance(value, str) and _FUNCTION.fullmatch(value):
            self.code.append(UNKNOWN)
        yield from self.of(value)

    def _note_functions(self, argument: dict[str, Any]) -> None:
        """Note what the functions of `map` push."""
        for text in argument.get("callables", ()):
            self.code.append(UNKNOWN if self._module is None else self._module.function_written(text_of(text)))
        for part in (*argument.get("args", ()), *(filter(None, [argument.get("arg")]))):
            self._note_functions(part)

    def parts(self, value: Any) -> Iterable[Any]:
        """Return the values in a list or a dict. Encoded values are dicts, too."""
        if isinstance(value, dict):
            return list(value.values())
        return value if isinstance(value, list) else ()


def _of_argument(data: dict[str, Any]) -> Iterator[Reference]:
    """Yield the XComs of an argument, as `serialize_xcom_arg` of Airflow wrote it.

    Raises:
        ValueError: It has another form.
    """
    kind = data.get("type", "")
    if kind == "map":
        yield from _of_argument(data["arg"])
    elif kind in ("zip", "concat"):
        for each in data["args"]:
            yield from _of_argument(each)
    elif kind == "":
        yield Reference(None, text_of(data["task_id"]), text_of(data["key"]), "argument")
    else:
        raise ValueError(f"an XCom argument of kind {kind!r:.40}")


def text_of(value: Any) -> str:
    """Return a text.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__:.40} in place of a text")
    return value


@lru_cache(maxsize=4096)
def _pulls(text: str) -> tuple[tuple[Reference, ...], bool]:
    """Return what a template pulls, and whether it shows all that it pulls."""
    found, is_whole = _pulls_of_template(text)
    if found is not None:
        return found, is_whole
    # A field that is written with `repr` holds templates as literals.
    literals = [literal for literal in re.findall(_LITERAL, text) if _PULL in literal]
    several = [_pulls_of_template(ast.literal_eval(literal)) for literal in literals]
    is_whole = sum(literal.count(_PULL) for literal in literals) == text.count(_PULL)
    references = tuple(reference for each, _ in several for reference in each or ())
    return references, is_whole and all(each is not None and whole for each, whole in several)


def _pulls_of_template(text: str) -> tuple[tuple[Reference, ...] | None, bool]:
    import jinja2
    from jinja2 import nodes

    try:
        tree = default_environment().parse(text)
    except jinja2.TemplateError:
        return None, False
    # The DAG may have other delimiters, which its serialized form does not tell.
    is_whole = not any(_PULL in each.data for each in tree.find_all(nodes.TemplateData))
    return tuple(pulls_in(tree)), is_whole
