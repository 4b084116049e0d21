"""What a request to the XCom routes of the Execution API asks for, resolved as Airflow's own router resolves it.

The templates are copied from `airflow/api_fastapi/execution_api/routes/xcoms.py`, in its order. The installed starlette
compiles them, and the first one that fits method and path wins. A request that no template fits is `Unknown`, and the
ring refuses it. `tests/unit/api_server/requests/test_routes.py` fails when the installed Airflow has a route that the
table lacks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl

from exclusive_redis_xcom.acl.limits import MAX_ID_LENGTH, MAX_KEY_LENGTH
from exclusive_redis_xcom.api_server.requests.window import window_of
from exclusive_redis_xcom.model import NOT_MAPPED, Coordinate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Scope

    from exclusive_redis_xcom.api_server.requests.window import Window

#: Where the Execution API is mounted (`airflow/api_fastapi/app.py`, `create_app`), and which part of it is guarded.
EXECUTION = "/execution"
XCOMS = "/xcoms"

COUNT = "count"

_XCOM = XCOMS + "/{dag_id}/{run_id}/{task_id}/{key:path}"

# A GET with longer ids is not answered. A shorter one finds no row.
_MAX_READ_ID_LENGTH = 1000

# Airflow's client writes exactly this. Pydantic would also take " 1", "+1", "1.0" and digits of other scripts.
_MAP_INDEX = re.compile(r"-1|0|[1-9][0-9]{0,9}", re.ASCII)

#: The largest map_index that Airflow's columns hold: they are 32-bit integers.
MAX_MAP_INDEX = 2**31 - 1

_STEP_AHEAD, _STEPS_OF_READER = "1", frozenset({"0", "1"})

# In bytes. Airflow's client sends at most five short parameters.
_MAX_QUERY = 4096

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

#: Airflow's two APIs. Many of their routes change states of task instances. Nothing else in an API server does.
_APIS = EXECUTION, "/api/v2"


class Shape(Enum):
    """Where the answer to a GET holds the values from the database."""

    VALUE = "value"  # {"key": ..., "value": <it>}
    SLICE = "slice"  # [<it>, ...]
    ITEM = "item"  # <it>


@dataclass(frozen=True, slots=True)
class Read:
    """A GET of the rows of one task, in one run unless `prior_runs`. `row` is the address in the URL.

    `ahead` says that the task has not asked for the values yet, and may never do so. So none is claimed. `as_one` says
    that the reader of this package asks, which can read a slice that is one text. `window` has the rows that the reader
    wants. `airflow/slices.py` has the steps of such slices. Airflow's client sends no step unless a task writes one.
    """

    shape: Shape
    row: Coordinate
    prior_runs: bool
    ahead: bool = False
    as_one: bool = False
    window: Window | None = None

    def may_hold(self, at: Coordinate) -> bool:
        """Return whether an XCom can lie in the rows that are asked for.

        The key is not compared. Airflow's client does not quote the key in the URL, so only a part of it may arrive;
        that part names the row.
        """
        row = self.row
        return (at.dag_id, at.task_id) == (row.dag_id, row.task_id) and (self.prior_runs or at.run_id == row.run_id)


@dataclass(frozen=True, slots=True)
class Count:
    """A HEAD. It asks how many rows there are, and gets no value."""


@dataclass(frozen=True, slots=True)
class Write:
    """A POST ("push") or DELETE ("remove") of one row."""

    action: str
    coordinate: Coordinate


@dataclass(frozen=True, slots=True)
class Unknown:
    """Any other request.

    `why` is a clause for people. `row` is the XCom that the path names, if it names one. Its map_index is not known.
    """

    why: str
    row: Coordinate | None = None


XComCall: TypeAlias = Read | Count | Write | Unknown

_TOO_LONG = "an id is longer than any in Airflow's database"
_UNCLEAR_MAP_INDEX = f"map_index must be there at most once, as a plain whole number from -1 to {MAX_MAP_INDEX}"

#: Method, template, and what it asks for, in the router's order.
#: ".../k/slice" is key "k" to GET, and key "k/slice" to POST.
TABLE: tuple[tuple[str, str, Shape | str], ...] = (
    ("GET", _XCOM + "/item/{offset}", Shape.ITEM),
    ("GET", _XCOM + "/slice", Shape.SLICE),
    ("HEAD", _XCOM, COUNT),
    ("GET", _XCOM, Shape.VALUE),
    ("POST", _XCOM, "push"),
    ("DELETE", _XCOM, "remove"),
)


class Router:
    """The table of routes, compiled by the installed starlette.

    Raises:
        ImportError: This starlette resolves paths in another way. Then nothing can be guarded.
    """

    def __init__(self) -> None:
        from starlette._utils import get_route_path
        from starlette.routing import compile_path

        self._route_path: Callable[[Any], str] = get_route_path
        self._table = [(method, compile_path(template)[0], asks) for method, template, asks in TABLE]

    def path(self, scope: Scope) -> str:
        """Return the decoded path, without the path of `[api] base_url` if that has one."""
        return self._route_path(scope)

    def parse(self, method: str, path: str, query: bytes) -> XComCall:
        """Return what a request asks for.

        Args:
            method: The method as in the scope; starlette compares it case-sensitively.
            path: A path below `/execution/xcoms`, as `Router.path` returned it.
            query: The raw query string.
        """
        below = path.removeprefix(EXECUTION)
        for verb, pattern, asks in self._table:
            match = pattern.match(below) if verb == method else None
            if match is not None:
                return _call(asks, match.groupdict(), query)
        return Unknown("no XCom route that this release of exclusive-redis-xcom knows fits this method and path")


def is_xcoms(path: str) -> bool:
    """Return whether a path, as `Router.path` returned it, belongs to the guarded routes."""
    root = EXECUTION + XCOMS
    return path == root or path.startswith(f"{root}/")


def may_change_states(method: str, path: str) -> bool:
    """Return whether a request may start, end, clear, fail or delete task instances.

    All requests count that may change anything in one of Airflow's two APIs. So a route of a later Airflow counts, too.
    """
    return method not in SAFE_METHODS and any(path == api or path.startswith(f"{api}/") for api in _APIS)


def _call(asks: Shape | str, ids: Mapping[str, str], query: bytes) -> XComCall:
    if not ids["key"]:
        return Unknown("the key is empty")  # Airflow would answer 422
    if any(len(part) > _MAX_READ_ID_LENGTH for part in ids.values()):
        return Unknown(_TOO_LONG, _coordinate(ids))
    if isinstance(asks, Shape):
        step = _step(query) if asks is Shape.SLICE else None
        window = None if step is None else window_of(query)
        prior_runs = _asks_for_prior_runs(query)
        return Read(asks, _coordinate(ids), prior_runs, step == _STEP_AHEAD, step in _STEPS_OF_READER, window)
    if asks == COUNT:
        return Count()
    return _write(asks, _coordinate(ids), query)


def _write(action: str, row: Coordinate, query: bytes) -> Write | Unknown:
    if max(map(len, (row.dag_id, row.run_id, row.task_id))) > MAX_ID_LENGTH or len(row.key) > MAX_KEY_LENGTH:
        return Unknown(_TOO_LONG, row)
    map_index = map_index_of(query)
    if map_index is None:
        return Unknown(_UNCLEAR_MAP_INDEX, row)
    return Write(action, replace(row, map_index=map_index))


def _coordinate(ids: Mapping[str, str]) -> Coordinate:
    return Coordinate(ids["dag_id"], ids["run_id"], ids["task_id"], ids["key"])


def _asks_for_prior_runs(query: bytes) -> bool:
    # In doubt yes. Then less is compared, and Airflow decides what it answers.
    pairs = _pairs(query)
    return pairs is None or any(name == "include_prior_dates" for name, _ in pairs)


def _step(query: bytes) -> str | None:
    pairs = _pairs(query) or ()
    steps = [value for name, value in pairs if name == "step"]
    return steps[0] if len(steps) == 1 else None


def map_index_of(query: bytes) -> int | None:
    """Return the `map_index` of a raw query string as FastAPI reads it, -1 unless given; None if it is unclear."""
    pairs = _pairs(query)
    if pairs is None:
        return None
    given = [value for name, value in pairs if name == "map_index"]
    if not given:
        return NOT_MAPPED
    if len(given) > 1 or not _MAP_INDEX.fullmatch(given[0]):
        return None
    map_index = int(given[0])
    return map_index if map_index <= MAX_MAP_INDEX else None


def _pairs(query: bytes) -> list[tuple[str, str]] | None:
    """Return the parameters of a query; None for one that no client of Airflow's sends, and that takes long to read."""
    if len(query) > _MAX_QUERY:
        return None
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True)
