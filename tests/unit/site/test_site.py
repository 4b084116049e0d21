"""The built site: what `make docs` checks holds for our pages, and each check finds its fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devtools.site.building import CONFIG
from devtools.site.checks import faults

NAV = "nav:\n  - Home: index.md\n  - Part:\n      - Page: part/page.md\n"
INDEX = (
    '<html><head>{head}</head><body><nav class="md-nav md-nav--primary"><a href="./index.html">Home</a>'
    '<a href="./part/page.html">Page</a></nav><article><h1 id="top">1. Welcome home</h1>{body}</article></body></html>'
)


def test_our_site_has_no_fault(built: Path) -> None:
    assert [*faults(built, CONFIG.read_text())] == []


def test_a_page_from_outside_docs_and_a_source_file_are_on_the_site(built: Path) -> None:
    changelog = (built / "project/changelog.html").read_text()
    users = (built / "source/exclusive_redis_xcom/cli/redis-users.acl.html").read_text()

    assert 'href="../how-to/upgrading.html"' in changelog
    assert "user default off" in users
    assert (
        'href="../source/exclusive_redis_xcom/cli/redis-users.acl.html"' in (built / "reference/redis.html").read_text()
    )


def test_pictures_follow_the_choice_of_colours(built: Path) -> None:
    page = (built / "reference/pages.html").read_text()

    assert '<source media="(prefers-color-scheme: dark)" srcset="../img/access-dark.png">' in page
    assert 'src="../assets/pictures.js"' in page
    assert page.count('name="__palette"') == 3


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A small site without a fault."""
    write(tmp_path / "index.html", INDEX.format(head="", body="<p>Some words here</p>"))
    write(tmp_path / "part/page.html", '<article><h2 id="here">Here</h2><p>Other words there</p></article>')
    write(tmp_path / "404.html", '<article><a href="/index.html">Home</a></article>')
    items = [
        {"location": "index.html", "title": "", "text": "Some words here"},
        {"location": "part/page.html#here", "title": "", "text": "Other words there"},
    ]
    write(tmp_path / "search.json", json.dumps({"items": items}))
    write(tmp_path / "look.css", "a { background: url(data:image/svg+xml,x) }")
    assert [*faults(tmp_path, NAV)] == []
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="no.html">x</a>', "index.html: no.html does not exist"),
        ('<a href="part/page.html#no">x</a>', "index.html: part/page.html#no has no such anchor"),
        ('<a href="#no">x</a>', "index.html: #no has no such anchor"),
        ('<img src="no.png">', "index.html: no.png does not exist"),
        ('<picture><source srcset="no.svg"></picture>', "index.html: no.svg does not exist"),
        ('<img src="https://example.com/a.png">', "index.html: https://example.com/a.png is on another host"),
        ('<script src="//example.com/a.js"></script>', "index.html: //example.com/a.js is on another host"),
        ("<p>a | b\n|---|---|</p>", "index.html: a table is not rendered: 'a | b |---|---|'"),
        ("<p>see `code</p>", "index.html: code is not rendered: 'see `code'"),
        ("<p>see [x][y]</p>", "index.html: a link is not rendered: 'see [x][y]'"),
        ("<p>a **b</p>", "index.html: emphasis is not rendered: 'a **b'"),
        ("<p>[!NOTE] Look</p>", "index.html: a note is not rendered: '[!NOTE] Look'"),
        ("<p>Text:\n- one</p>", "index.html: a list is not rendered: 'Text: - one'"),
        ("<p>Text:\n1. one</p>", "index.html: a list is not rendered: 'Text: 1. one'"),
        ("<p>Text\n## More</p>", "index.html: a heading is not rendered: 'Text ## More'"),
    ],
)
def test_a_fault_of_a_page_is_found(site: Path, body: str, fault: str) -> None:
    write(site / "index.html", INDEX.format(head="", body=f"{body}<p>Some words here</p>"))

    assert [*faults(site, NAV)] == [fault]


@pytest.mark.parametrize(
    "body",
    [
        '<a href="part/page.html#here">x</a><a href="https://example.com">x</a><a href="mailto:a@example.com">x</a>',
        "<p>In code: <code>`a` | b</code>, and so on</p><pre><code>- a\n- b\n|---|</code></pre>",
        "<p>We count\n2 things - and 3. Then</p>",
    ],
)
def test_what_is_right_is_no_fault(site: Path, body: str) -> None:
    write(site / "index.html", INDEX.format(head="", body=f"{body}<p>Some words here</p>"))

    assert [*faults(site, NAV)] == []


def test_a_style_from_another_host_is_found(site: Path) -> None:
    write(site / "index.html", INDEX.format(head='<link href="https://example.com/a.css">', body="<p>words here</p>"))
    write(site / "look.css", "@import 'https://example.com/b.css'; a { background: url(//example.com/c.png) }")

    assert [*faults(site, NAV)] == [
        "index.html: https://example.com/a.css is on another host",
        "look.css: https://example.com/b.css is on another host",
        "look.css: //example.com/c.png is on another host",
    ]


def test_pages_and_navigation_that_do_not_fit_are_found(site: Path) -> None:
    write(site / "part/new.html", "<article></article>")
    write(site / "source/a.py.html", "<article></article>")

    assert [*faults(site, NAV + "      - Gone: part/gone.md\n")] == [
        "mkdocs.yml: the navigation lacks part/new.md",
        "mkdocs.yml: there is no page part/gone.md",
    ]


def test_a_page_that_the_search_does_not_know_is_found(site: Path) -> None:
    write(site / "part/page.html", '<article><h2 id="here">Here</h2><p>Quite another thing</p></article>')

    assert [*faults(site, NAV)] == ["part/page.html: the search does not know 'thing'"]
