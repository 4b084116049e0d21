"""The page of a DAG: who may read which of its XComs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.pages.conftest import Window


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_airflow_shows_it_in_a_frame_of_the_dag_in_the_colours_of_its_theme(
    window: Callable[..., Window], theme: str
) -> None:
    opened = window(theme=theme)
    frame = opened.open("/dags/shop/plugin/xcom-access")
    assert frame.locator("h1").inner_text() == "Who may read which XCom"
    assert frame.locator("html").get_attribute("data-theme") == theme
    assert opened.errors == []
