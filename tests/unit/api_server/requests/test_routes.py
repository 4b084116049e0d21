"""What the ring takes a request for is what Airflow's router takes it for, whatever the ids hold."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from hypothesis import assume, example, given
from hypothesis import strategies as st

from exclusive_redis_xcom.acl.limits import MAX_ID_LENGTH, MAX_KEY_LENGTH
from exclusive_redis_xcom.api_server.requests.routes import (
    EXECUTION,
    TABLE,
    Count,
    Read,
    Router,
    Shape,
    Unknown,
    Write,
    is_xcoms,
)
from exclusive_redis_xcom.api_server.requests.window import Window
from exclusive_redis_xcom.model import Coordinate

ROUTER = Router()


def parse(method: str, below: str, query: bytes = b"") -> Any:
    return ROUTER.parse(method, "/execution/xcoms" + below, query)


def read(shape: Shape, key: str = "k", *, prior_runs: bool = False) -> Read:
    return Read(shape, Coordinate("d", "r", "t", key), prior_runs)


@pytest.mark.parametrize(
    ("method", "below", "expected"),
    [
        ("GET", "/d/r/t/k", read(Shape.VALUE)),
        ("GET", "/d/r/t/k/slice", read(Shape.SLICE)),
        ("GET", "/d/r/t/k/item/0", read(Shape.ITEM)),
        ("GET", "/d/r/t/k/item/-1", read(Shape.ITEM)),
        ("GET", "/d/r/t/a/b/c", read(Shape.VALUE, "a/b/c")),
        ("GET", "/d/r/t/k/item/0/", read(Shape.VALUE, "k/item/0/")),
        ("GET", "/d/r/t/slice", read(Shape.VALUE, "slice")),
        ("HEAD", "/d/r/t/k", Count()),
        ("HEAD", "/d/r/t/k/slice", Count()),
        ("POST", "/d/r/t/k", Write("push", Coordinate("d", "r", "t", "k"))),
        ("POST", "/d/r/t/k/slice", Write("push", Coordinate("d", "r", "t", "k/slice"))),
        ("DELETE", "/d/r/t/k/item/3", Write("remove", Coordinate("d", "r", "t", "k/item/3"))),
        ("DELETE", "/d/r/t/k/", Write("remove", Coordinate("d", "r", "t", "k/"))),
    ],
)
def test_the_table(method: str, below: str, expected: Any) -> None:
    assert parse(method, below) == expected


@pytest.mark.parametrize(
    ("method", "longest"),
    [
        ("GET", (1000, 1000, 1000, 1000)),
        ("HEAD", (1000, 1000, 1000, 1000)),
        ("POST", (250, 250, 250, 512)),
        ("DELETE", (250, 250, 250, 512)),
    ],
)
@pytest.mark.parametrize("part", range(4))
def test_an_id_longer_than_any_is_refused(method: str, longest: tuple[int, ...], part: int) -> None:
    def below(length: int) -> str:
        return "/" + "/".join("x" * length if number == part else "x" for number in range(4))

    assert not isinstance(parse(method, below(longest[part])), Unknown)
    too_long = parse(method, below(longest[part] + 1))
    assert isinstance(too_long, Unknown)
    dag_id, run_id, task_id, key = below(longest[part] + 1)[1:].split("/")
    assert too_long.row == Coordinate(dag_id, run_id, task_id, key)


def test_written_ids_are_as_long_as_airflows_columns() -> None:
    from airflow.models.xcom import XComModel

    columns = [XComModel.__table__.c[name].type.length for name in ("dag_id", "run_id", "task_id", "key")]
    assert columns == [MAX_ID_LENGTH, MAX_ID_LENGTH, MAX_ID_LENGTH, MAX_KEY_LENGTH]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("text", "map_index"),
    [
        *[(text, int(text)) for text in ("-1", "0", "1", "2147483647")],
        *[(text, None) for text in ("2147483648", "9999999999", "4294967296", f"{10**30}", "-2", "-2147483649", "+0")],
    ],
)
def test_a_map_index_is_one_that_a_column_can_hold(method: str, text: str, map_index: int | None) -> None:
    found = parse(method, "/d/r/t/k", b"map_index=" + text.encode())

    assert (found.coordinate.map_index if isinstance(found, Write) else None) == map_index


@pytest.mark.parametrize(
    ("query", "ahead"),
    [
        (b"step=1", True),
        (b"start=0&stop=32", False),
        (b"step=0", False),
        (b"step=2", False),
        (b"step=-1", False),
        (b"step=01", False),
        (b"step=1&step=1", False),
        (b"step=", False),
    ],
)
def test_a_slice_may_be_read_ahead(query: bytes, ahead: bool) -> None:
    asked = parse("GET", "/d/r/t/k/slice", query)
    assert isinstance(asked, Read)
    assert asked.ahead == ahead
    assert parse("GET", "/d/r/t/k", query) == read(Shape.VALUE)


@pytest.mark.parametrize(
    ("query", "window"),
    [
        (b"start=0&stop=32&step=1", Window(0, 32, 1)),
        (b"start=2048&stop=4096&step=0", Window(2048, 4096, 0)),
        (b"start=0&stop=1&step=1", None),
        (b"start=5&stop=2&step=1", None),
        (b"start=-5&stop=-1&step=1", None),
        (b"start=0&stop=1000000&step=0", None),
        (b"start=00&stop=32&step=1", None),
        (b"stop=32&step=1", None),
        (b"start=0&stop=32&step=1&include_prior_dates=true", None),
    ],
)
def test_a_slice_of_this_packages_reader_may_come_as_one_text(query: bytes, window: Window | None) -> None:
    asked = parse("GET", "/d/r/t/k/slice", query)
    assert isinstance(asked, Read)
    assert (asked.as_one, asked.window) == (True, window)


@pytest.mark.parametrize("query", [b"start=0&stop=32", b"start=0&stop=32&step=2", b"start=0&stop=32&step=01"])
def test_a_slice_of_anybody_else_comes_as_airflow_has_it(query: bytes) -> None:
    assert parse("GET", "/d/r/t/k/slice", query) == read(Shape.SLICE)


@pytest.mark.parametrize(
    ("query", "prior_runs"),
    [
        (b"", False),
        (b"map_index=3", False),
        (b"include_prior_dates=true", True),
        (b"a=b&include_prior_dates=1", True),
        (b"include_prior_dates", True),
        (b"include%5fprior_dates=true", True),
        (b"include_prior_dates=false&include_prior_dates=true", True),
    ],
)
def test_a_read_may_be_of_prior_runs(query: bytes, prior_runs: bool) -> None:
    assert parse("GET", "/d/r/t/k", query) == read(Shape.VALUE, prior_runs=prior_runs)


@given(
    st.lists(st.sampled_from(["include_prior_dates", "include%5Fprior_dates", "%69nclude_prior%5fdates", *"%=&+1;ü"]))
)
def test_prior_runs_are_asked_for_where_a_reader_of_queries_finds_the_name(parts: list[str]) -> None:
    query = "".join(parts)
    names = [name for name, _ in parse_qsl(query, keep_blank_values=True)]

    found = parse("GET", "/d/r/t/k", query.encode("latin-1"))

    assert found == read(Shape.VALUE, prior_runs="include_prior_dates" in names)


@pytest.mark.parametrize(
    ("at", "fits", "fits_with_prior_runs"),
    [
        (Coordinate("d", "r", "t", "k"), True, True),
        (Coordinate("d", "r", "t", "k", 4), True, True),
        (Coordinate("d", "r", "t", "another key"), True, True),
        (Coordinate("d", "earlier", "t", "k"), False, True),
        (Coordinate("d2", "r", "t", "k"), False, False),
        (Coordinate("d", "r", "t2", "k"), False, False),
    ],
    ids=str,
)
def test_what_may_lie_in_the_rows_asked_for(at: Coordinate, fits: bool, fits_with_prior_runs: bool) -> None:
    assert read(Shape.VALUE).may_hold(at) is fits
    assert read(Shape.VALUE, prior_runs=True).may_hold(at) is fits_with_prior_runs


@pytest.mark.parametrize("query", [b"", b"map_index=-1", b"other=5", b"a&b=&=c"])
def test_without_a_map_index_it_is_that_of_a_task_that_is_not_mapped(query: bytes) -> None:
    assert parse("POST", "/d/r/t/k", query).coordinate.map_index == -1


def test_what_is_below_the_guarded_root_is_guarded_and_nothing_else() -> None:
    guarded = ["/execution/xcoms", "/execution/xcoms/", "/execution/xcoms/a/b", "/execution/xcoms//"]
    others = ["/execution/xcomsa", "/execution", "/xcoms/a", "/x/execution/xcoms/a", "", "/execution//xcoms/a"]

    assert all(map(is_xcoms, guarded))
    assert not any(map(is_xcoms, others))


class Airflow:
    """A FastAPI app with Airflow's templates in Airflow's order, mounted as Airflow mounts them."""

    def __init__(self, root_path: str = "") -> None:
        xcoms = APIRouter()
        for method, template, asks in TABLE:
            endpoint = self.write if asks in ("push", "remove") else self.read
            xcoms.add_api_route(template.removeprefix("/xcoms"), endpoint, methods=[method], name=f"{method} {asks}")
        execution = FastAPI(openapi_url=None)
        execution.include_router(xcoms, prefix="/xcoms")
        inner = FastAPI(openapi_url=None, root_path=root_path)
        inner.mount("/execution", execution)
        self._app = inner
        self.taken_for: tuple[str, dict[str, Any], int | None] | None = None
        self.parsed: Any = None
        inner.add_middleware(Observer, airflow=self)

    def read(self, request: Request) -> None:
        self.taken_for = request.scope["route"].name, dict(request.path_params), None

    def write(self, request: Request, map_index: int = -1) -> None:
        self.taken_for = request.scope["route"].name, dict(request.path_params), map_index

    def ask(self, method: str, url: str) -> None:
        """Ask as Airflow's client does: with ids that nobody has quoted (`airflow/sdk/api/client.py`)."""

        async def run() -> None:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://server/base/execution/") as client:
                await client.request(method, url)

        self.taken_for = self.parsed = None
        try:
            asyncio.run(run())
        except (httpx.InvalidURL, UnicodeEncodeError):
            assume(False)  # not even sent


class Observer:
    """Stands where the ring stands, and only notes what it would take the request for."""

    def __init__(self, app: Any, airflow: Airflow) -> None:
        self._app = app
        self._airflow = airflow

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            path = ROUTER.path(scope)
            if is_xcoms(path):
                self._airflow.parsed = ROUTER.parse(scope["method"], path, scope["query_string"])
        await self._app(scope, receive, send)


AIRFLOW = Airflow(root_path="/base")

SEGMENTS = [
    "slice",
    "item",
    "item/0",
    "..",
    ".",
    "",
    "a/b",
    "%2F",
    "%2f..",
    "%00",
    "?map_index=5",
    "#x",
    "ü",
    "\u2028",
    "é",
]
IDS = st.one_of(
    st.sampled_from(SEGMENTS),
    st.text(max_size=12),
    st.lists(st.sampled_from([*SEGMENTS, "/", "k", " ", "%", "\n", "{key}", "\\", ";", "&"]), max_size=5).map("".join),
)
ROUTES = st.sampled_from(["", "", "/slice", "/item/0", "/item/-1", "/item/x", "/"])
METHODS = st.sampled_from(["GET", "HEAD", "POST", "DELETE"])


def agree() -> None:
    """Whatever Airflow carries out is what the ring has judged."""
    taken_for, parsed = AIRFLOW.taken_for, AIRFLOW.parsed
    if taken_for is None:
        return  # 404, 405, 422: nothing happens, whatever the ring says
    name, ids, map_index = taken_for
    if not ids["key"]:
        assert isinstance(parsed, Unknown)  # Airflow itself answers 422
    elif isinstance(parsed, Write):
        assert name == ("POST push" if parsed.action == "push" else "DELETE remove")
        assert map_index is not None
        assert parsed.coordinate == Coordinate(ids["dag_id"], ids["run_id"], ids["task_id"], ids["key"], map_index)
    elif isinstance(parsed, Read):
        assert name == f"GET {parsed.shape}"
    elif isinstance(parsed, Count):
        assert name == "HEAD count"
    else:
        assert isinstance(parsed, Unknown)
        assert map_index is not None  # only a map_index may be good enough for Airflow and not for the ring


@given(METHODS, st.tuples(IDS, IDS, IDS, IDS), ROUTES)
@example("POST", ("d", "r", "x/../t", "k"), "")
@example("POST", ("d", "r", "t", "k\n"), "")
@example("DELETE", ("d", "r", "t", "k%0A"), "")
@example("POST", ("d", "r", "t", "k?map_index=1&map_index=2"), "")
@example("GET", ("d", "r", "t", "k/slice"), "/slice")
@example("GET", ("d", "r", "t", ""), "/slice")
def test_ids_as_airflows_client_sends_them(method: str, ids: tuple[str, ...], route: str) -> None:
    AIRFLOW.ask(method, "xcoms/" + "/".join(ids) + route)

    agree()


@given(
    METHODS, st.lists(IDS, max_size=7), st.sampled_from(["/base/execution/xcoms/", "/execution/xcoms/", "//execution/"])
)
def test_paths_that_no_client_of_airflows_sends(method: str, parts: list[str], root: str) -> None:
    AIRFLOW.ask(method, root + "/".join(parts))

    agree()


QUERY = st.lists(
    st.tuples(
        st.sampled_from(["map_index", "map%5Findex", "map_index[]", "Map_Index", "mapped_length", ""]),
        st.one_of(
            st.sampled_from(
                ["-1", "0", "5", "", "+1", "01", "1.0", "%31", "1_0", "\uff11", "99999999999", "2147483648", "x"]
            ),
            st.text(max_size=4),
        ),
    ),
    max_size=3,
)


@given(st.sampled_from(["POST", "DELETE"]), QUERY, st.sampled_from(["&", ";", "&&"]))
def test_queries(method: str, pairs: list[tuple[str, str]], separator: str) -> None:
    AIRFLOW.ask(method, "xcoms/d/r/t/k?" + separator.join(f"{name}={value}" for name, value in pairs))

    agree()


def test_the_observer_sees_what_is_asked() -> None:
    AIRFLOW.ask("POST", "xcoms/d/r/t/k?map_index=4")

    assert AIRFLOW.taken_for == ("POST push", {"dag_id": "d", "run_id": "r", "task_id": "t", "key": "k"}, 4)
    assert AIRFLOW.parsed == Write("push", Coordinate("d", "r", "t", "k", 4))


@pytest.fixture(scope="module")
def routes() -> list[tuple[str, str]]:
    """Method and path of each route of the installed Airflow's Execution API, of all its versions, in their order."""
    from airflow.api_fastapi.execution_api.routes import execution_api_router

    return [(method, route.path) for route in execution_api_router.routes for method in sorted(route.methods or ())]


class TestTheInstalledAirflow:
    """Fails with an Airflow whose Execution API the ring does not know: then TABLE needs a look, and the ring too."""

    def test_has_the_xcom_routes_of_the_table_in_its_order_and_no_other(self, routes: list[tuple[str, str]]) -> None:
        xcoms = [(method, path) for method, path in routes if "xcom" in path.lower()]

        assert xcoms == [(method, template) for method, template, _ in TABLE]

    def test_is_mounted_where_the_ring_looks(self) -> None:
        from airflow.api_fastapi.app import create_app

        source = inspect.getsource(create_app)
        assert f'app.mount("{EXECUTION}", task_exec_api_app)' in source


def test_a_query_that_no_client_sends_is_not_read() -> None:
    long = b"map_index=3&" + b"a&" * 4096

    assert isinstance(parse("DELETE", "/d/r/t/k", long), Unknown)
    assert parse("GET", "/d/r/t/k", long) == read(Shape.VALUE, prior_runs=True)
