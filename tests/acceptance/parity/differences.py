"""Every intended difference between Airflow's default backend and ours in the parity DAGs, and its reason.

A difference that is listed here and does not occur fails the tests, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MODES: Final = frozenset({"worker", "server"})
ALL: Final = frozenset({"3.1", "3.2", "3.3"})


@dataclass(frozen=True)
class Difference:
    """One fact that is another one under our backend.

    Args:
        dag_id: The DAG.
        task_id: The task.
        what: As `Fact.what`.
        default: What it is under Airflow's default backend; None where there is no such fact.
        ours: What it is under ours; None as for `default`.
        reason: Why this is intended.
        modes: The modes of enforcement that it occurs in.
        versions: The versions of Airflow that it occurs in, such as `3.3`.
    """

    dag_id: str
    task_id: str
    what: str
    default: str | None
    ours: str | None
    reason: str
    modes: frozenset[str] = MODES
    versions: frozenset[str] = ALL


CARRIED: Final = "The default backend refuses the value at the push. This one carries it."
EXACT: Final = "The default backend gives back something else than was pushed. This one gives back what was pushed."
FOREIGN: Final = "A task may write and delete its own XComs only."
NO_RULE: Final = "A task of another DAG may pull what a rule gives it."

OVER: Final = (
    "Airflow runs such a callback when the task is over. In server mode, the API server serves running tries alone."
)
SERVER: Final = frozenset({"server"})

FROM_3_2: Final = ALL - {"3.1"}
BEFORE_3_2: Final = frozenset({"3.1"})
#: The default backend refuses frames of pandas 3 in these versions.
BEFORE_3_3: Final = ALL - {"3.3"}

#: A value of `parity_values` that the default backend refuses: its name, in which versions, with which error, and what
#: the pulls give under the default backend and under ours.
_CARRIED = (
    ("large int", ALL, "OverflowError", "None", "1180591620717411303424"),
    ("NaN", FROM_3_2, "Exception", "None", "float(nan)"),
    ("infinity", FROM_3_2, "Exception", "None", "float(inf)"),
    ("bytes", ALL, "TypeError", "None", r"b'\x00\xff'"),
    ("deque", ALL, "TypeError", "None", "collections.deque[1] of None"),
    ("time", ALL, "TypeError", "None", "datetime.time(01:02:00, fold 0, None of None)"),
    ("Path", ALL, "TypeError", "None", "pathlib.PosixPath(PosixPath('/a/b'))"),
    ("IP address", ALL, "TypeError", "None", "ipaddress.IPv4Address(IPv4Address('127.0.0.1'))"),
    ("enum", ALL, "TypeError", "None", "tests.acceptance.parity.classes.Color[RED]"),
    ("numpy array", ALL, "TypeError", "None", "numpy.ndarray(dtype('int64'), (4,), metadata dict{}, list[0, 1, 2, 3])"),
    (
        "series",
        ALL,
        "TypeError",
        "None",
        "pandas.Series('a', dtype('int64'), ([None], pandas.RangeIndex, dtype('int64'), list[0, 1]), "
        "dict{}, list[1, 2])",
    ),
    (
        "Timestamp",
        ALL,
        "TypeError",
        "None",
        "pandas.Timestamp(2026-01-02T00:00:00+00:00, fold 0, UTC of datetime.timezone(UTC))",
    ),
    ("UUID", BEFORE_3_2, "TypeError", "None", "uuid.UUID(UUID('00000000-0000-0000-0000-000000000007'))"),
    (
        "frame",
        BEFORE_3_3,
        "TypeError",
        "raised AttributeError",
        "dict{'a': dict{3: 1, 4: 2}, 'b': dict{3: float(1.5), 4: float(nan)}}",
    ),
)

#: Values of `parity_values` that both backends carry in all versions.
_OF_BOTH = (
    *("None", "True", "float", "text", "text like a template", "text like JSON", "list", "tuple", "set", "frozenset"),
    *("dict", "int keys", "OrderedDict", "Counter", "datetime", "datetime in UTC", "datetime in Paris", "pendulum"),
    *("date", "timedelta", "Decimal", "str enum", "named tuple", "dataclass", "nested dataclass", "attrs"),
    *("pydantic", "serialize", "numpy int", "numpy float", "numpy bool"),
)

_POINT = "tests.acceptance.parity.classes.Point"
_NOON = "datetime.datetime(2026-01-02T12:30:15.123456"
_AWARE = "pendulum.tz.timezone.Timezone"
_DATE = "pendulum.datetime.DateTime(2026-01-02T00:00:00+01:00"

#: A value of `parity_values` that the default backend changes: its name, what its pull gives, and what ours gives.
_EXACT = (
    ("int keys", "dict{'1': 'a'}", "dict{1: 'a'}"),
    ("OrderedDict", "dict{'b': 1, 'a': 2}", "collections.OrderedDict{'b': 1, 'a': 2}"),
    ("Counter", "dict{'a': 2, 'b': 1}", "collections.Counter{'a': 2, 'b': 1}"),
    ("Decimal", "decimal.Decimal(Decimal('1.1'))", "decimal.Decimal(Decimal('1.10'))"),
    (
        "datetime in UTC",
        f"{_NOON}+00:00, fold 0, UTC of {_AWARE}(UTC))",
        f"{_NOON}+00:00, fold 0, UTC of datetime.timezone(UTC))",
    ),
    (
        "datetime in Paris",
        f"{_NOON}+01:00, fold 0, CET of {_AWARE}(Europe/Paris))",
        f"{_NOON}+01:00, fold 0, CET of zoneinfo.ZoneInfo(Europe/Paris))",
    ),
    (
        "pendulum",
        f"{_DATE}, fold 0, CET of {_AWARE}(Europe/Paris))",
        f"{_DATE}, fold 1, CET of {_AWARE}(Europe/Paris))",
    ),
    ("str enum", "'low'", "tests.acceptance.parity.classes.Level[LOW]"),
    ("named tuple", "tuple[1, 'a']", "tests.acceptance.parity.classes.Pair[1, 'a']"),
    (
        "nested dataclass",
        f"{_POINT}dict{{'x': dict{{'x': 1, 'y': None}}, 'y': None}}",
        f"{_POINT}dict{{'x': {_POINT}dict{{'x': 1, 'y': None}}, 'y': None}}",
    ),
)

_MADE = f"'pair': tuple[1, 2], 'items': list[1, 2, 3], %s: 'int key', 'point': {_POINT}dict{{'x': 1, 'y': 2}}}}"
_TEXT_KEY, _INT_KEY = (f"dict{{'n': 7, 'name': 'a b', {_MADE % key}" for key in ("'1'", "1"))
_EXTERNAL = (
    "dict{'given': dict{'numbers': list[1, 2], 'pair': tuple[1, 2], '1': 'text key'}, "
    "'at': datetime.datetime(2026-01-02T00:00:00+00:00, fold 0, UTC of %s(UTC)), 'set': set{1}}"
)


def _keys(version: str) -> tuple[str, str]:
    """Return which values of `parity_values` are pushed under the default backend, and under ours."""
    carried = {name for name, versions, *_ in _CARRIED if version in versions}
    later = {name for name, versions, *_ in _CARRIED if name in ("UUID", "frame") and version not in versions}
    return str(sorted({*_OF_BOTH, *later})), str(sorted({*_OF_BOTH, *later, *carried}))


DIFFERENCES: Final[tuple[Difference, ...]] = (
    *(
        Difference("parity_values", "push", "keys", *_keys(version), CARRIED, versions=frozenset({version}))
        for version in sorted(ALL)
    ),
    *(
        Difference("parity_values", "push", f"saw push {name}", f"raised {error}", "None", CARRIED, versions=versions)
        for name, versions, error, _, _ in _CARRIED
    ),
    *(
        Difference("parity_values", "pull", f"saw pull {name}", default, ours, CARRIED, versions=versions)
        for name, versions, _, default, ours in _CARRIED
    ),
    *(Difference("parity_values", "pull", f"saw pull {name}", old, ours, EXACT) for name, old, ours in _EXACT),
    *(
        Difference(dag_id, task_id, f"saw {key}", old, ours, EXACT)
        for dag_id, task_id in (("parity_templates", "python"), ("parity_native_templates", "native"))
        for key, old, ours in (("int key", "'not there'", "'int key'"), ("text key", "'int key'", "'not there'"))
    ),
    Difference("parity_templates", "of_output", "saw whole", _TEXT_KEY, _INT_KEY, EXACT),
    Difference("parity_native_templates", "native", "saw whole", _TEXT_KEY, _INT_KEY, EXACT),
    Difference(
        "parity_interpreters", "take", "saw external", _EXTERNAL % _AWARE, _EXTERNAL % "datetime.timezone", EXACT
    ),
    *(
        Difference("parity_calls", "meddles", f"saw {what} at another task", "None", "raised PermissionError", FOREIGN)
        for what in ("set", "overwrite", "delete")
    ),
    Difference("parity_calls", "meddles", "saw what is left", "None", "dict{'pair': tuple[1, 2]}", FOREIGN),
    Difference("parity_calls", "produce", "keys", "['new', 'return_value']", "['return_value', 'side']", FOREIGN),
    *(
        Difference("parity_callbacks", task_id, f"saw {what}", default, ours, OVER, SERVER)
        for task_id, moment in (("succeeds", "success"), ("retries", "retry"))
        for what, default, ours in (
            (f"{moment}: upstream", "dict{'pair': tuple[1, 2]}", "raised PermissionError"),
            ("push in a callback", "None", "raised PermissionError"),
            ("pull of it", "tuple[1]", "None"),
        )
    ),
    Difference("parity_callbacks", "succeeds", "keys", "['in callback', 'own']", "['own']", OVER, SERVER),
    Difference(
        "parity_callbacks",
        "last",
        "saw pushed in callbacks",
        "list[tuple[1], tuple[1]]",
        "list[None, tuple[1]]",
        OVER,
        SERVER,
    ),
    Difference(
        "parity_waiting",
        "asks_in_triggerer",
        "saw what the trigger pulled",
        "list['pulled', dict{'pair': list[1, 2]}]",
        "list['refused', None]",
        "The triggerer does not ask the API server over HTTP. In server mode, nothing there opens sealed values.",
        SERVER,
    ),
    Difference(
        "parity_waiting",
        "asks_in_triggerer",
        "saw what the trigger pulled",
        "list['pulled', dict{'pair': list[1, 2]}]",
        "list['refused', None]",
        "Airflow 3.1 does not tell the triggerer's code which task its trigger belongs to.",
        frozenset({"worker"}),
        BEFORE_3_2,
    ),
    Difference(
        "parity_dag_callback",
        "only",
        "saw in a callback of the DAG",
        "dict{'pair': tuple[1, 2]}",
        "raised PermissionError",
        "A callback of a DAG runs in the DAG processor. Nothing tells there who asks.",
    ),
    Difference(
        "parity_across",
        "pull_of_child",
        "saw a key without a rule",
        "'of the child'",
        "raised PermissionError",
        NO_RULE,
    ),
    Difference("parity_child", "child", "saw a key without a rule", "dict{'n': 5}", "raised PermissionError", NO_RULE),
)
