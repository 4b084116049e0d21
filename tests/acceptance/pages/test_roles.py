"""Who may load which page: Airflow's own permissions decide it."""

from __future__ import annotations

import pytest

from tests.acceptance.pages.conftest import ROLES, RUN, Site

PAGES = ["/dags/shop", f"/dags/shop/runs/{RUN}", f"/dags/shop/runs/{RUN}/tasks/extract/-1", "/overview"]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_that_reads_xcoms_reads_the_pages(site: Site, page: str, role: str) -> None:
    assert site.get(page, role).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_nobody_reads_a_page_without_a_login(site: Site, page: str) -> None:
    assert site.get(page, None).status_code == 401
