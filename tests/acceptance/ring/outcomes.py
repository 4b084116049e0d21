"""What an answer of the server amounts to, in one word: the vocabulary of the tables in this directory."""

from __future__ import annotations

from typing import Any

import httpx

from exclusive_redis_xcom.formats import reference as references

OPENED = "opened"
UNUSABLE = "unusable"
DENIED, NOT_RUNNING, CLAIMED = "denied", "not_running", "claimed"
UNKNOWN_KEY, FORGED = "unknown_key", "forged"
#: 403 by the ring; 401 or 403 by Airflow, to whom this is no task at all; 503 by the ring.
FORBIDDEN, NO_TASK, UNDECIDED = "forbidden", "no task", "undecided"
MISSING = "missing"
COUNTED, WRITTEN, REMOVED = "counted", "written", "removed"

_NO_TASK_DETAILS = ("Missing auth token", "Invalid auth token", "Token type", "Invalid token")


def seals(answer: httpx.Response) -> list[dict[str, Any]]:
    """The seals in a 200, wherever the route puts values; `{"unusable": True}` for what the ring took away."""
    body = answer.json()
    if isinstance(body, dict) and set(body) == {"key", "value"}:
        body = body["value"]
    values = body if isinstance(body, list) else [body]
    return [_seal(value) for value in references.expanded(values) if references.is_reference(value)]


def _seal(value: object) -> dict[str, Any]:
    if value == references.unusable():
        return {"unusable": True}
    found = references.parse(value).seal
    assert found is not None
    return found.to_json()


def outcome_of_seal(seal: dict[str, Any]) -> str:
    """`opened`, `unusable`, or why the seal stayed shut."""
    if seal.get("unusable"):
        return UNUSABLE
    if "data_key" in seal:
        assert not {"key", "refused"} & set(seal)
        return OPENED
    return str(seal["refused"]["reason"])


def outcome(answer: httpx.Response) -> str:
    """The one word for an answer about a single XCom."""
    if answer.is_error:
        return _outcome_of_error(answer)
    method = answer.request.method
    if method != "GET":
        return {"HEAD": COUNTED, "POST": WRITTEN, "DELETE": REMOVED}[method]
    # Airflow 3.1 repeats values under include_prior_dates, one for each run that there is.
    (found,) = {outcome_of_seal(seal) for seal in seals(answer)}
    return found


def _outcome_of_error(answer: httpx.Response) -> str:
    detail: Any = answer.json()["detail"] if answer.content else ""
    reason = detail["reason"] if isinstance(detail, dict) else ""
    if (answer.status_code, reason) == (403, "access_denied"):
        assert detail["message"]
        return FORBIDDEN
    if answer.status_code in (401, 403):
        assert answer.request.method == "HEAD" or str(detail).startswith(_NO_TASK_DETAILS), detail
        return NO_TASK
    assert (answer.status_code, reason) in {(503, "cannot_decide"), (404, "not_found")}, answer.text
    return UNDECIDED if answer.status_code == 503 else MISSING
