"""What an answer of an API server says about the ring: it is there, it is not, or it opens other keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exclusive_redis_xcom.formats.ring_header import RING_HEADER, VERSION, RingMark, parse_header
from exclusive_redis_xcom.settings import SECTION

if TYPE_CHECKING:
    from exclusive_redis_xcom.cli.doctor.http import Answer
    from exclusive_redis_xcom.health.finding import Result
    from exclusive_redis_xcom.settings import Settings

NAME_THEM = "Name the API servers themselves with --url."


def judged(answer: Answer, settings: Settings, shown: str) -> tuple[Result, str, str]:
    """Judge one answer: the result, what was seen, and the remedy.

    Args:
        answer: What the server answered.
        settings: The settings of this process.
        shown: The place that was asked, for people.
    """
    mark = parse_header(answer.marks[0]) if len(answer.marks) == 1 else None
    seen = f"{shown} answers {answer.status}"
    if not settings.by_server:
        return _without_enforcement(answer, seen)
    if mark is None:
        return _absent(answer, seen)
    return _present(mark, settings, shown)


def _without_enforcement(answer: Answer, seen: str) -> tuple[Result, str, str]:
    if not answer.marks:
        return "ok", f"{seen}, without a ring; none is needed with enforcement = worker", ""
    remedy = (
        f"Set [{SECTION}] enforcement = server and seal_public_key here, too. Values pushed from here are not sealed."
    )
    return "FAIL", f"{seen}, with a ring, while enforcement = worker here", remedy


def _absent(answer: Answer, seen: str) -> tuple[Result, str, str]:
    if answer.marks:
        return (
            "FAIL",
            f"{seen}, with a header {RING_HEADER} that cannot be read",
            f"Something alters the header. {NAME_THEM}",
        )
    if answer.status == 500:
        remedy = (
            "If the server answers 500 to everything, the ring could not start. A key or setting is wrong then. "
            "See the server's log, and run exclusive-xcom doctor --role api-server there."
        )
        return "FAIL", f"{seen}, without the header {RING_HEADER}", remedy
    if 502 <= answer.status <= 504:
        return "FAIL", f"{seen}: this is a proxy with no API server behind it", f"Start the API server. {NAME_THEM}"
    if 300 <= answer.status <= 399:
        return "FAIL", f"{seen}: it redirects to another place", NAME_THEM
    remedy = (
        "This server accepts foreign writes, and no task can open a sealed value. Airflow only logs a plugin that "
        f"fails to import, so see the server's log. Set [{SECTION}] enforcement = server there. A server started with "
        "--apps execution loads no plugin: serve exclusive_redis_xcom.asgi:execution_app instead."
    )
    return "FAIL", f"{seen}, without the header {RING_HEADER}", remedy


def _present(mark: RingMark, settings: Settings, shown: str) -> tuple[Result, str, str]:
    key = settings.seal_public_key or (settings.seal_private_keys.public if settings.seal_private_keys else None)
    seen = f"{shown} has the ring, with keys {', '.join(mark.key_ids)}"
    if key is not None and key.key_id not in mark.key_ids:
        remedy = (
            f"The server cannot open what is sealed here, to {key.key_id}. Give this process the public key that "
            "belongs to the first of the server's seal_private_keys. Or add the private key to the server's list."
        )
        return "FAIL", seen, remedy
    if key is not None and key.key_id != mark.key_ids[0]:
        remedy = (
            f"Values are sealed here to {key.key_id}, an older key. To end the rotation of keys, set the newest "
            "one here."
        )
        return "warning", seen, remedy
    if mark.version != VERSION:
        remedy = "Install one version of exclusive-redis-xcom everywhere."
        return "warning", f"{seen}; the ring has version {mark.version}, and this process has version {VERSION}", remedy
    return "ok", seen, ""
