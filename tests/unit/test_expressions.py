"""Every regular expression of the package is on a list that says who writes its input.

An expression whose input a worker or a caller may write must not take long, whatever the input is.
"""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import exclusive_redis_xcom

PACKAGE = Path(exclusive_redis_xcom.__file__).parent
FUNCTIONS = {"compile", "fullmatch", "match", "search", "split", "sub", "subn", "findall", "finditer"}

#: Those who may write the input. People write DAG files, settings and command lines, and wait for their own commands.
#: An API server reads serialized DAGs, so those may be anybody's.
PEOPLE, ANYBODY = "people", "anybody"
#: By file and by what stands in the call.
LIST: dict[tuple[str, str], str] = {
    ("access/lint/findings.py", "_PLACE"): PEOPLE,
    ("access/lint/places.py", "_IN_TRACEBACK"): PEOPLE,
    ("access/lint/repeated_entries.py", "_BY_EXCLUSIVE"): PEOPLE,
    ("access/lint/secret_names.py", "_WORD"): PEOPLE,
    ("access/lint/suppression.py", "_COMMENT"): PEOPLE,
    ("access/names.py", "_ID"): ANYBODY,
    ("access/overview/mermaid.py", "_LIST"): PEOPLE,
    ("access/overview/mermaid.py", "_PLAIN"): PEOPLE,
    ("access/serialized_references.py", "_AS_REPR"): ANYBODY,
    ("access/serialized_references.py", "_AS_TEMPLATE"): ANYBODY,
    ("access/serialized_references.py", "_FUNCTION"): ANYBODY,
    ("access/serialized_references.py", "_LITERAL"): ANYBODY,
    ("access/serialized_references.py", "_OBJECT"): ANYBODY,
    ("access/snapshot_lines.py", "_LINE"): PEOPLE,
    ("access/snapshot_lines.py", "_PLAIN"): PEOPLE,
    ("access/snapshot_lines.py", "_TASK"): PEOPLE,
    ("access/snapshot_lines.py", "_VERSION"): PEOPLE,
    ("acl/durations.py", "_CLOCK"): PEOPLE,
    ("acl/durations.py", "_WITH_UNIT"): PEOPLE,
    ("acl/source.py", "_SOURCE"): ANYBODY,
    ("airflow/row_keys.py", "_OTHER_ROUTE"): ANYBODY,
    ("api_server/requests/rest_routes.py", "_XCOM_LIKE"): ANYBODY,
    ("api_server/requests/routes.py", "_MAP_INDEX"): ANYBODY,
    ("api_server/requests/window.py", "_QUERY"): ANYBODY,
    ("api_server/ring/reads.py", "_WRAPPED"): ANYBODY,
    ("cli/access/diff_formats/between.py", "_PLACE"): PEOPLE,
    ("cli/access/revisions.py", "_RANGE"): PEOPLE,
    ("cli/doctor/broker_url.py", "_SCHEME"): PEOPLE,
    ("cli/doctor/neighbours.py", "_COMMAND"): ANYBODY,
    ("cli/doctor/neighbours.py", "_PID_FILE"): ANYBODY,
    ("cli/doctor/neighbours.py", "_TITLE"): ANYBODY,
    ("cli/doctor/occurrences.py", "_GENERATED"): PEOPLE,
    ("cli/doctor/own_server.py", "_TITLE"): ANYBODY,
    ("cli/redis_users.py", "_ACCEPTED_PREFIX"): PEOPLE,
    ("cli/redis_users.py", "_PASSWORD"): PEOPLE,
    ("cli/units.py", "_AGE"): PEOPLE,
    ("cli/units.py", "_COUNT"): PEOPLE,
    ("codec/allowlist.py", "_CLASS_NAME"): PEOPLE,
    ("codec/arrays.py", "_SIMPLE_DTYPE"): ANYBODY,
    ("codec/libraries/geopandas.py", "_AUTHORITY"): ANYBODY,
    ("codec/paths.py", "_FIELD_NAME"): ANYBODY,
    ("codec/plugs.py", "_NAME"): ANYBODY,
    ("codec/scalars.py", "_DECIMAL"): ANYBODY,
    ("codec/zones.py", "_NAME"): ANYBODY,
    ("connection/option_parsers.py", "_HOST"): PEOPLE,
    ("connection/replies.py", "_CODE"): ANYBODY,
    ("connection/replies.py", "_CODE_IN_SCRIPT"): ANYBODY,
    ("connection/replies.py", "_CODE_OF_TRANSACTION"): ANYBODY,
    ("connection/replies.py", "_UNKNOWN_COMMAND"): ANYBODY,
    ("crypto/encryption_keys.py", "_VERSION"): PEOPLE,
    ("crypto/failures.py", "_KEY_ID"): ANYBODY,
    ("crypto/key_texts.py", "_BODY"): PEOPLE,
    ("crypto/key_texts.py", "_SEPARATORS"): PEOPLE,
    ("formats/about.py", "_MORE"): ANYBODY,
    ("formats/about.py", "_READERS"): ANYBODY,
    ("formats/object_names.py", "_CUT_ESCAPE"): ANYBODY,
    ("formats/object_names.py", "_MAP_INDEX"): ANYBODY,
    ("formats/object_names.py", "_VERSION"): ANYBODY,
    ("formats/observed.py", "_COUNTED"): ANYBODY,
    ("formats/observed.py", "_DAY"): ANYBODY,
    ("formats/observed.py", "_LOST"): ANYBODY,
    ("formats/opened_slice.py", "_SHAPES"): ANYBODY,
    ("formats/opened_text.py", "_NUMBER"): ANYBODY,
    ("formats/reference_fields.py", "NUMBERS"): ANYBODY,
    ("formats/reference_fields.py", "_LENGTH"): ANYBODY,
    ("formats/reference_fields.py", "_VERSION"): ANYBODY,
    ("formats/reference_v3.py", "_INDEX"): ANYBODY,
    ("formats/reference_v3.py", "_TEXT"): ANYBODY,
    ("formats/ring_header.py", "_VALUE"): ANYBODY,
    ("formats/seal.py", "_KEY_ID"): ANYBODY,
    ("formats/short_rows.py", "_LINE"): ANYBODY,
    ("formats/short_rows.py", "_VERSIONS"): ANYBODY,
    ("formats/wrapped_rows.py", "_LINE"): ANYBODY,
    ("formats/wrapped_text.py", "_TEXT"): ANYBODY,
    ("health/direct_pulls.py", "_ENTRY"): ANYBODY,
    ("preview/items.py", "_SIMPLE"): ANYBODY,
    ("preview/literals.py", "_DECIMAL"): ANYBODY,
    ("settings/converters.py", "_CONN_ID"): PEOPLE,
    ("settings/converters.py", "_PREFIX"): PEOPLE,
    ("settings/loading.py", "_MAY_BE_URL"): PEOPLE,
    ("store/inventory.py", "_INDEX"): ANYBODY,
    ("store/marks.py", "_SERVER_ID"): ANYBODY,
}
#: Expressions that stand in a call, with the text of the call's first argument.
IN_CALLS = {
    ("access/lint/suppression.py", 'r"EX\\d{3}"'): PEOPLE,
    ("access/loading.py", 'r\'File "([^"]+)", line (\\d+)\''): PEOPLE,
    ("access/overview/graph.py", 'r"(\\d+)"'): PEOPLE,
    ("access/overview/markdown.py", '"`+"'): PEOPLE,
    ("cli/access/diff_formats/as_markdown.py", '"`+"'): PEOPLE,
    ("cli/doctor/occurrences.py", 'r"[,;]"'): PEOPLE,
    ("cli/doctor/occurrences.py", 'r"[=:.]"'): PEOPLE,
    ("cli/doctor/occurrences.py", 'rf"AIRFLOW__(?P<team>\\w+___)?{section}__{option}(?P<told>_CMD|_SECRET)?"'): PEOPLE,
    ("codec/paths.py", 'r"[.\\[]"'): ANYBODY,
}

LENGTH = 20_000
PIECES = [*"afA01-+:/.,;% []_=E\né"]
PIECES += [
    "a/",
    "/slice",
    "/item/1",
    "0.",
    "a,",
    "a.a",
    "1 -1;",
    "xcom_acl[]",
    " at ",
    "xcomEntries/",
    "dags/a/",
    ":-A",
]
#: What stands before and behind a piece that is repeated.
FRAMES = [("", ""), ("", "!"), ("xcom_acl[", "!"), ("/api/v2/", "!"), ("1", "\0"), ("airflow api_server -- host:", "!")]


def calls() -> Iterator[tuple[str, str]]:
    """Return file and name of each expression: the constant it is assigned to, or what stands in the call."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text()
        tree = ast.parse(text)
        assigned = {
            id(node.value): target.id
            for node in tree.body
            if isinstance(node, (ast.Assign, ast.AnnAssign))
            for target in (node.targets[:1] if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            function = node.func if isinstance(node, ast.Call) else None
            if not (isinstance(function, ast.Attribute) and function.attr in FUNCTIONS):
                continue
            if not (isinstance(function.value, ast.Name) and function.value.id == "re"):
                continue
            name = assigned.get(id(node)) or ast.get_source_segment(text, node.args[0])  # type: ignore[attr-defined]
            yield path.relative_to(PACKAGE).as_posix(), str(name)


def test_every_expression_is_on_the_list() -> None:
    assert set(calls()) == {*LIST, *IN_CALLS}


def expression(file: str, name: str) -> re.Pattern[Any]:
    module = importlib.import_module(f"exclusive_redis_xcom.{file.removesuffix('.py').replace('/', '.')}")
    return re.compile(getattr(module, name))


@pytest.mark.parametrize(("file", "name"), [key for key, who in LIST.items() if who == ANYBODY])
def test_no_input_of_anybody_takes_long(file: str, name: str) -> None:
    pattern = expression(file, name)
    started = time.process_time()

    for piece in PIECES:
        for begin, end in FRAMES:
            text: Any = f"{begin}{piece * (LENGTH // len(piece))}{end}"
            text = text.encode() if isinstance(pattern.pattern, bytes) else text
            pattern.fullmatch(text)
            pattern.match(text)

    # Each of some 200 texts is read in less than a millisecond. The square of its length would take seconds.
    assert time.process_time() - started < 5
