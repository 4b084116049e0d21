"""Errors as pages."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from exclusive_redis_xcom.access.undecided import NoSuchDagError, UndecidedError
from exclusive_redis_xcom.errors import InvalidAcl
from exclusive_redis_xcom.pages import errors


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoSuchDagError("Airflow's database has no serialized DAG '<b>'."), 404),
        (UndecidedError("Its form is <b>unknown</b>.\nThe second line is not shown."), 503),
        (InvalidAcl("The rules are <b>wrong</b>.\nThe second line is not shown."), 503),
    ],
)
def test_an_error_is_one_sentence(error: Exception, status: int) -> None:
    app = FastAPI()
    errors.add_handlers(app)

    @app.get("/")
    def fail() -> None:
        raise error

    answer = asyncio.run(_get(app))

    assert answer.status_code == status
    assert "&lt;b&gt;" in answer.text
    assert "<b>" not in answer.text
    assert "second" not in answer.text


async def _get(app: FastAPI) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return await client.get("/")
