"""Who may load which page: Airflow's own permissions decide it."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.pages.conftest import PREFIX, ROLES, RUN, Site

PAGES = ["/dags/shop", f"/dags/shop/runs/{RUN}", f"/dags/shop/runs/{RUN}/tasks/extract/-1", "/overview"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_reads_xcoms_reads_the_pages(site: Site, page: str, role: str) -> None:
    assert site.get(page, role).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_nobody_reads_a_page_without_a_login(site: Site, page: str) -> None:
    assert site.get(page, None).status_code == 401


@pytest.mark.parametrize(("role", "status"), [*((role, 200) for role in ROLES), (None, 401)])
def test_who_reads_xcoms_may_reveal_an_open_value(site: Site, role: str | None, status: int) -> None:
    page = f"/dags/shop/runs/{RUN}/tasks/extract/-1"
    token = re.search(r'name="csrf" value="([^"]+)"', site.get(page, role or "admin").text)
    assert token is not None
    form = {"key": "return_value", "csrf": token[1]}

    assert site.send("POST", f"{PREFIX}{page}/reveal", role, data=form).status_code == status
