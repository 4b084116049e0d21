"""How a page of the repository becomes a page of the site."""

from __future__ import annotations

from pathlib import Path

import pytest

from devtools.site import pages
from devtools.site.dialect import translate
from devtools.site.links import relink


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("[a](b.md) [c](d.md#e) ![f](g.png)", "[a](<b.md>) [c](<d.md>#e) ![f](<g.png>)"),
        ("[a](#b) [c](https://d.md) [e](mailto:f@g.h)", "[a](#b) [c](https://d.md) [e](mailto:f@g.h)"),
        ("[a]: b.md\n[c]: https://d.md", "[a]: <b.md>\n[c]: https://d.md"),
        (
            '<img src="a.png"><source srcset="b.svg"><a href="c.md#d">',
            '<img src="<a.png>"><source srcset="<b.svg>"><a href="<c.md>#d">',
        ),
        ("`[a](b.md)` [c](d.md)", "`[a](b.md)` [c](<d.md>)"),
        ("```text\n[a](b.md)\n```\n[c](d.md)", "```text\n[a](b.md)\n```\n[c](<d.md>)"),
        ("- x\n\n  ```text\n  [a](b.md)\n  ```\n", "- x\n\n  ```text\n  [a](b.md)\n  ```\n"),
    ],
)
def test_links_are_replaced_outside_of_code(markdown: str, expected: str) -> None:
    assert relink(markdown, lambda target: f"<{target}>") == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("Text:\n- one\n- two\n", "Text:\n\n- one\n- two\n"),
        ("Text:\n1. one\n", "Text:\n\n1. one\n"),
        ("We have\n3. No list\n", "We have\n3. No list\n"),
        ("- one\n  more\n  - two\n    more\n- three\n", "- one\n    more\n    - two\n        more\n- three\n"),
        ("1. one\n\n   para\n   - two\n", "1. one\n\n    para\n\n    - two\n"),
        ("- one\n  ```text\n  a\n    - b\n  ```\n- two\n", "- one\n    ```text\n    a\n      - b\n    ```\n- two\n"),
        ("- one\n\nText\n", "- one\n\nText\n"),
        ("```text\nText:\n- one\n```\n", "```text\nText:\n- one\n```\n"),
        ("| `a\\|b` | c \\| d |\n", "| `a|b` | c \\| d |\n"),
        ("Use `a\\|b`.\n", "Use `a\\|b`.\n"),
    ],
)
def test_markdown_of_a_git_host_becomes_that_of_the_site(markdown: str, expected: str) -> None:
    assert translate(markdown) == expected


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one page, whose picture and neighbours are there."""
    root = tmp_path / "repository"
    for name, text in {
        "README.md": '[d](docs/part/page.md) <img src="docs/img/a.png">',
        "findings/README.md": "# Findings\n",
        "examples/a.py": "print('```')\n",
        "docs/img/a.png": "",
        "docs/index.md": "# Home\n",
        "docs/part/page.md": "[r](../../README.md#x) [e](../../examples/a.py) [f](../../findings) [i](../index.md)\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.setattr(pages, "ROOT", root)
    monkeypatch.setattr(pages, "DOCS", root / "docs")
    return root


@pytest.mark.usefixtures("repository")
def test_links_that_leave_docs_lead_to_pages_of_the_site(tmp_path: Path) -> None:
    pages.gather(tmp_path / "pages")

    assert (tmp_path / "pages/part/page.md").read_text() == (
        "[r](../project/readme.md#x) [e](../source/examples/a.py.md) [f](../project/findings.md) [i](../index.md)\n"
    )
    assert (tmp_path / "pages/project/readme.md").read_text() == '[d](../part/page.md) <img src="../img/a.png">'
    assert (tmp_path / "pages/img/a.png").exists()


@pytest.mark.usefixtures("repository")
def test_a_source_file_is_shown_on_a_page_that_the_search_leaves_out(tmp_path: Path) -> None:
    pages.gather(tmp_path / "pages")

    assert (tmp_path / "pages/source/examples/a.py.md").read_text() == (
        "---\nsearch:\n  exclude: true\n---\n\n# `examples/a.py`\n\n````python\nprint('```')\n````\n"
    )


@pytest.mark.parametrize("target", ["no.md", "../../examples"])
def test_a_link_to_nothing_is_an_error(repository: Path, tmp_path: Path, target: str) -> None:
    (repository / "docs/part/page.md").write_text(f"[x]({target})")

    with pytest.raises(pages.BrokenLinkError, match=r"^docs/part/page\.md: there is no page for the link to '"):
        pages.gather(tmp_path / "pages")
