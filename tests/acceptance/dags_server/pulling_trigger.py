"""A trigger that pulls an XCom in the triggerer, and hands the outcome to the task that deferred to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async


class PullingTrigger(BaseTrigger):
    """`address` are the arguments of `XCom.get_one`. Leaves the deferring process a moment to end in."""

    def __init__(self, address: dict[str, Any]) -> None:
        super().__init__()
        self.address = address

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "pulling_trigger.PullingTrigger", {"address": self.address}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from airflow.sdk.execution_time.xcom import XCom

        await asyncio.sleep(2)
        try:
            await sync_to_async(XCom.get_one)(**self.address)
        except Exception as error:
            yield TriggerEvent(f"{type(error).__name__}: {error}")
        else:
            yield TriggerEvent("the trigger got a value")
