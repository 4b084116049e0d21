"""Forms that a page sends. They are small, so that nobody makes the server read much before it has decided."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from exclusive_redis_xcom.pages.errors import PageError

MOST_BYTES: Final = 8 * 1024
_NONE: Final = "This is no form of a page. Go back to Airflow, and open the page there."
_TYPE: Final = "application/x-www-form-urlencoded"


async def _form(request: Request) -> dict[str, str]:
    """Read the fields of a form. Of fields with one name, the last counts.

    Raises:
        PageError: 413: The form is too long. 422: It is none.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _TYPE:
        raise PageError(422, _NONE)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise PageError(413, "The form is too long.")
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=10, errors="strict"))
    except ValueError:
        raise PageError(422, _NONE) from None


Form = Annotated[dict[str, str], Depends(_form)]
