"""Which file of the repository is which page of the site."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from devtools.site.dialect import translate
from devtools.site.links import relink

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

#: Pages from outside `docs/`, and where they are on the site.
PROJECT = {
    "README.md": "project/readme.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security-policy.md",
    "findings/README.md": "project/findings.md",
}

#: Source files that a page links to become pages in this folder. The navigation does not have them.
SOURCE = "source"

_LANGUAGES = {".py": "python", ".sh": "sh", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json"}


class BrokenLinkError(Exception):
    """A page links to something that cannot be on the site."""


def gather(folder: Path) -> None:
    """Write all pages of the site, with their pictures, to an empty folder.

    Args:
        folder: Where to write them. It is made.

    Raises:
        BrokenLinkError: A page links to a file that does not exist, or to a folder that has no page.
    """
    sources = {place: ROOT / name for name, place in PROJECT.items() if (ROOT / name).exists()}
    for path in sorted(DOCS.rglob("*")):
        if path.suffix == ".md":
            sources[path.relative_to(DOCS).as_posix()] = path
        elif path.is_file() and not path.is_symlink():
            _copy(path, folder / path.relative_to(DOCS))
    shown: set[Path] = set()
    for place, source in sources.items():
        _write(folder / place, _relinked(source, place, shown))
    for source in sorted(shown):
        _write(folder / _place(source), _source_page(source))


def _relinked(source: Path, place: str, shown: set[Path]) -> str:
    """Return the text of a page, with links that fit its place. Add the source files that it links to to `shown`."""

    def replacement(target: str) -> str:
        path = source.parent / target
        if path.is_dir():
            path /= "README.md"
        if not path.exists():
            raise BrokenLinkError(f"{source.relative_to(ROOT)}: there is no page for the link to {target!r}")
        path = path.resolve()
        if _is_source(path):
            shown.add(path)
        return os.path.relpath(_place(path), Path(place).parent)

    return translate(relink(source.read_text(encoding="utf-8"), replacement))


def _place(path: Path) -> str:
    """Return where a file of the repository is on the site."""
    name = path.relative_to(ROOT).as_posix()
    if name in PROJECT:
        return PROJECT[name]
    return f"{SOURCE}/{name}.md" if _is_source(path) else path.relative_to(DOCS).as_posix()


def _is_source(path: Path) -> bool:
    return not path.is_relative_to(DOCS) and path.relative_to(ROOT).as_posix() not in PROJECT


def _source_page(path: Path) -> str:
    """Return a page that shows a source file. The search leaves it out."""
    text = path.read_text(encoding="utf-8")
    fence = "`" * 3
    while fence in text:
        fence += "`"
    language = _LANGUAGES.get(path.suffix, "text")
    name = path.relative_to(ROOT).as_posix()
    return f"---\nsearch:\n  exclude: true\n---\n\n# `{name}`\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)
