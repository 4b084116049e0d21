"""Where the ring stands: what it guards, what it lets pass, how it proves to be there, when it refuses to start."""

from __future__ import annotations

import subprocess
import sys

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from exclusive_redis_xcom.api_server.ring.middleware import Ring
from exclusive_redis_xcom.crypto import SealPrivateKeys, SealPublicKey, generate_seal_keys
from exclusive_redis_xcom.errors import ConfigurationError
from exclusive_redis_xcom.formats.ring_header import RING_HEADER
from tests.unit.api_server.ringed import (
    CONSUMER,
    NO_KEYS,
    OWNER,
    STRANGER,
    XCOM,
    Airflow,
    World,
    messages_of,
    scope_of,
    settings,
)
from tests.unit.sealed_reference import PRIVATE, PRIVATE_TEXT, PUBLIC, sealed_reference

SEALED = sealed_reference().to_json()
PROOF = f"1; keys={PUBLIC.key_id}"


class TestProof:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", XCOM),
            ("POST", XCOM),
            ("PATCH", XCOM),
            ("GET", "/api/v2/version"),
            ("GET", "/"),
            ("PUT", "/execution"),
        ],
    )
    def test_every_answer_bears_it_once(self, method: str, path: str) -> None:
        answer = World(Airflow({})).ask(method, path, STRANGER)

        assert answer.headers.get_list(RING_HEADER) == [PROOF]

    def test_it_names_all_keys_newest_first(self) -> None:
        newer_public, newer = generate_seal_keys()
        keys = SealPrivateKeys.parse(f"{newer},{PRIVATE_TEXT}")

        answer = World(Airflow({}), seal_private_keys=keys).ask("GET", "/")

        assert answer.headers[RING_HEADER] == f"1; keys={SealPublicKey.parse(newer_public).key_id},{PUBLIC.key_id}"

    def test_503_bears_it_too(self) -> None:
        world = World(Airflow([SEALED]))

        assert world.ask("GET", XCOM, CONSUMER).headers[RING_HEADER] == PROOF


class TestUnknown:
    @pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "TRACE", "BREW", "get", "post"])
    def test_other_verbs_are_refused(self, method: str) -> None:
        world = World(Airflow())
        scope = scope_of(XCOM, method=method, headers=[(b"authorization", f"Bearer {OWNER.ti_id}".encode())])

        assert messages_of(world.app, scope)[0]["status"] == 403
        assert world.airflow.calls == 0

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
    @pytest.mark.parametrize(
        "below", ["", "/", "/sales", "/sales/run_1/extract", "/sales/run_1/extract/", "//r/t/k", "/d//t/k"]
    )
    def test_paths_that_name_no_xcom_are_refused(self, method: str, below: str) -> None:
        world = World(Airflow())

        assert world.ask(method, "/execution/xcoms" + below, OWNER).status_code == 403
        assert world.airflow.calls == 0


class TestPassing:
    @pytest.mark.parametrize("path", ["/execution/xcomsx/d/r/t/k", "/execution/variables/x", "/xcoms/d/r/t/k", "/ui"])
    def test_other_paths_pass_unread(self, path: str) -> None:
        world = World(Airflow({"value": SEALED}))

        assert world.ask("GET", path, STRANGER).json() == {"value": SEALED}
        assert world.looked_up == []

    @pytest.mark.parametrize("kind", ["lifespan", "websocket", "something new"])
    def test_what_is_not_http_passes(self, kind: str) -> None:
        world = World(Airflow())
        scope = {"type": kind, "path": XCOM}

        messages_of(world.app, scope)

        assert world.airflow.scopes[0] is scope

    def test_an_answer_is_passed_on_message_by_message(self) -> None:
        sent = messages_of(World(Airflow(b"x" * 10, chunks=5)).app, scope_of("/api/v2/dags"))

        assert [message["type"] for message in sent] == ["http.response.start"] + ["http.response.body"] * 5

    def test_with_enforcement_by_workers_it_is_not_there(self) -> None:
        world = World(Airflow({"key": "k", "value": SEALED}), enforcement="worker", seal_private_keys=NO_KEYS)

        answers = [world.ask(method, XCOM, STRANGER) for method in ("GET", "POST", "PUT")]

        assert [answer.json()["value"] for answer in answers] == [SEALED] * 3
        assert not any(RING_HEADER in answer.headers for answer in answers)


class TestBasePath:
    def test_a_path_of_base_url_is_taken_off(self) -> None:
        world = World(Airflow())
        headers = [(b"authorization", f"Bearer {STRANGER.ti_id}".encode())]

        def status(path: str, root_path: str) -> int:
            scope = scope_of(path, method="POST", headers=headers, root_path=root_path)
            return int(messages_of(world.app, scope)[0]["status"])

        assert status("/team/airflow" + XCOM, "/team/airflow") == 403
        assert status(XCOM, "/team/airflow") == 403  # behind a proxy that took it off
        assert status("/team/airflow" + XCOM, "/team") == 200  # another path altogether: not the Execution API's


class TestStarting:
    def test_without_a_key_it_does_not_start(self) -> None:
        with pytest.raises(ConfigurationError, match="seal_private_keys"):
            Ring(Airflow(), settings=settings(seal_private_keys=NO_KEYS))

    def test_with_a_public_key_of_another_pair_it_does_not_start(self) -> None:
        other = SealPublicKey.parse(generate_seal_keys()[0])

        with pytest.raises(ConfigurationError, match="seal_public_key") as raised:
            Ring(Airflow(), settings=settings(seal_public_key=other))
        assert PRIVATE_TEXT not in str(raised.value)

    def test_with_its_own_public_key_it_starts(self) -> None:
        Ring(Airflow(), settings=settings(seal_public_key=PRIVATE.public))

    def test_a_server_whose_ring_does_not_start_serves_nothing(self) -> None:
        airflow = Airflow()
        app = Starlette(middleware=[Middleware(Ring, settings=settings(seal_private_keys=NO_KEYS))])
        app.mount("/", airflow)

        for _ in range(2):
            with pytest.raises(ConfigurationError):
                messages_of(app, scope_of("/"))
        assert airflow.calls == 0


@pytest.mark.parametrize("module", ["ring", "watch"])
def test_importing_it_loads_nothing_heavy(module: str) -> None:
    heavy = {"redis", "starlette", "fastapi", "cryptography", "sqlalchemy", "airflow", "jwt", "anyio"}
    code = f"import sys, exclusive_redis_xcom.api_server.{module}.middleware; print(*({heavy!r} & sys.modules.keys()))"

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)

    assert done.stdout.split() == []
