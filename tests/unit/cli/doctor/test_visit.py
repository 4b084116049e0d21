"""Why checks of `enforcement = server` are skipped elsewhere: the same two reasons for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from exclusive_redis_xcom.cli.doctor import celery_broker, celery_results, identity_secrets, neighbours
from exclusive_redis_xcom.health import sealing
from exclusive_redis_xcom.health.finding import Finding
from exclusive_redis_xcom.health.visit import Visit
from tests.unit.cli.doctor.patients import only, visit

CHECKS = [check for module in (celery_broker, celery_results, identity_secrets, neighbours) for check in module.CHECKS]


@pytest.mark.parametrize("check", [*CHECKS, sealing.sealing], ids=lambda check: check.__name__)
def test_a_check_of_server_mode_says_why_it_is_skipped(check: Callable[[Visit], Iterable[Finding]]) -> None:
    in_worker_mode, without_settings = only(check(visit())), only(check(Visit("worker", None)))

    assert (in_worker_mode.result, without_settings.result) == ("skipped", "skipped")
    assert in_worker_mode.seen == "not checked, because enforcement = worker"
    assert without_settings.seen == "a setting is wrong or cannot be read; see the check 'settings'"
