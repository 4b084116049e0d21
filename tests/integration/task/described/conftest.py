"""What operators learn of what tasks have pushed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from devtools.redis_server import RedisServer
from exclusive_redis_xcom.model import Description
from tests.integration.support import open_store
from tests.integration.task.sales import sales_dag

#: Tells the descriptions of a key's values by map_index.
Told = Callable[..., "dict[int, Description | None]"]


@pytest.fixture
def told(server: RedisServer) -> Told:
    def ask(key: str = "open") -> dict[int, Description | None]:
        with open_store(server.url, prefix="exclusive_redis_xcom") as store:
            return {
                held.map_index: held.description
                for each in store.inventory("sales")
                for held in each.held
                if each.at.key == key
            }

    return ask


@pytest.fixture
def dag() -> Any:
    """`token` and `once` have rules; the key `open` has none."""
    return sales_dag(
        {
            "extract": {"token": ["load"], "once": {"consumers": ["load"], "once": True}},
            "outputs": {"token": ["load"]},
            "*": ["*"],
        }
    )
