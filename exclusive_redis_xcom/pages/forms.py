"""Forms that a page sends. They are small, so that nobody makes the server read much before it has decided."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends, HTTPException, Request

MOST_BYTES: Final = 8 * 1024
_TYPE: Final = "application/x-www-form-urlencoded"


async def _form(request: Request) -> dict[str, str]:
    """Read the fields of a form. Of fields with one name, the last counts.

    Raises:
        HTTPException: 413: The form is too long. 422: It is none.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _TYPE:
        raise HTTPException(422)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413)
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=10, errors="strict"))
    except ValueError:
        raise HTTPException(422) from None


Form = Annotated[dict[str, str], Depends(_form)]
