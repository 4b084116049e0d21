"""docs/how-to/recipes/rotating-keys.md: each step, with the settings of that step. No pull fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis

from devtools.components import OURS
from devtools.redis_users import WORKER, create_users, url_for
from exclusive_redis_xcom.crypto import generate_seal_keys
from exclusive_redis_xcom.crypto.encryption_keys import generate_encryption_key
from tests.acceptance.recipes.conftest import Run

Runs = Callable[..., Run]
Step = Callable[..., str]


@pytest.fixture
def step(run: Runs) -> Step:
    """Run the DAG with the settings of a step; return the run's id. It pulls from this run and from earlier ones."""

    def succeed(settings: dict[str, str], *earlier: str) -> str:
        done = rotated(run, settings, *earlier)
        assert done.printed("values of ") == [f"values of {1 + len(earlier)} runs"], done.output[-4000:]
        return done.run_id

    return succeed


def rotated(run: Runs, settings: dict[str, str], *earlier: str) -> Run:
    env = {f"{OURS}{name.upper()}": text for name, text in settings.items()}
    return run("rotating_keys", conf={"earlier_runs": earlier}, **env)


def test_seal_keys(run: Runs, step: Step) -> None:
    """Here one process pushes as a worker, and opens as an API server. So it has the settings of both."""
    (old, old_private), (new, new_private) = generate_seal_keys(), generate_seal_keys()

    def sealing(public: str, private: str) -> dict[str, str]:
        return {"enforcement": "server", "seal_public_key": public, "seal_private_keys": private}

    before = step(sealing(old, old_private))
    first = step(sealing(old, f"{new_private},{old_private}"), before)
    second = step(sealing(new, f"{new_private},{old_private}"), before, first)
    step(sealing(new, new_private), second)

    too_early = rotated(run, sealing(new, new_private), before)
    assert too_early.states == {"issue": "success", "use": "failed"}
    assert [line.partition(":")[0] for line in too_early.refusals()] == ["XComSealed"]


def test_encryption_keys(run: Runs, step: Step) -> None:
    old, new = generate_encryption_key(), generate_encryption_key()
    before = step({"encryption_keys": old})

    # 1. Append the new key. Workers with either list push with the old key.
    first = step({"encryption_keys": f"{old},{new}"}, before)
    step({"encryption_keys": old}, first)
    # 2. Put the new key in front. Workers with either list read both.
    second = step({"encryption_keys": f"{new},{old}"}, before, first)
    step({"encryption_keys": f"{old},{new}"}, second)
    # 3. Drop the old key.
    step({"encryption_keys": new}, second)

    too_early = rotated(run, {"encryption_keys": new}, before)
    assert too_early.states == {"issue": "success", "use": "failed"}


@pytest.fixture
def password(redis_client: redis.Redis) -> Iterator[str]:
    yield create_users(redis_client)[WORKER]
    redis_client.execute_command("ACL", "DELUSER", WORKER)


def test_the_password_of_a_redis_user(
    run: Runs, step: Step, backend_env: dict[str, str], redis_client: redis.Redis, password: str
) -> None:
    def login(text: str) -> dict[str, str]:
        return {"redis_url": url_for(backend_env[f"{OURS}REDIS_URL"], WORKER, text)}

    def setuser(*rule: str) -> None:
        redis_client.execute_command("ACL", "SETUSER", WORKER, *rule)

    new = "the-new-password"
    before = step(login(password))

    setuser(f">{new}")  # 1. both passwords are right
    first = step(login(password), before)
    second = step(login(new), before, first)  # 2. workers get the new one
    setuser(f"<{password}")  # 3. the old one goes
    step(login(new), first, second)

    too_late = rotated(run, login(password))
    assert too_late.states == {"issue": "failed", "use": "upstream_failed"}
