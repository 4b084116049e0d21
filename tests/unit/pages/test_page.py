"""A page is an answer, whatever text is on it."""

from __future__ import annotations

from starlette.requests import Request

from exclusive_redis_xcom.pages.rendering import page


def test_half_of_a_character_is_shown_as_a_question_mark() -> None:
    request = Request({"type": "http", "root_path": "/af/exclusive-xcom"})

    answer = page(request, "error.html.j2", status=404, title="Not found", text="a \ud800 <b>")

    assert answer.status_code == 404
    assert b"<p>a ? &lt;b&gt;</p>" in answer.body
