"""Classes of values, and a trigger, that the parity DAGs use. Airflow is told to allow them."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import attrs
import pydantic
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async


class Color(enum.Enum):
    RED = "red"


class Level(str, enum.Enum):
    LOW = "low"


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Point:
    x: Any
    y: Any = None


@attrs.define
class Crate:
    label: str
    content: Any = None


class Person(pydantic.BaseModel):
    name: str
    tags: list[str] = []


class Versioned:
    """Brings its own form for Airflow's serialisation."""

    __version__ = 1

    def __init__(self, number: int) -> None:
        self.number = number

    def serialize(self) -> dict[str, Any]:
        return {"number": self.number}

    @staticmethod
    def deserialize(data: dict[str, Any], version: int) -> Versioned:
        return Versioned(data["number"])


class PullingTrigger(BaseTrigger):
    """Pulls an XCom in the triggerer. `address` are the arguments of `XCom.get_one`."""

    def __init__(self, address: dict[str, Any]) -> None:
        super().__init__()
        self.address = address

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.PullingTrigger", {"address": self.address}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from airflow.sdk.execution_time.xcom import XCom

        await asyncio.sleep(8)  # see `A_MOMENT` in dags/waiting.py
        try:
            yield TriggerEvent(["pulled", await sync_to_async(XCom.get_one)(**self.address)])
        except Exception:
            yield TriggerEvent(["refused", None])
