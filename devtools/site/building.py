"""Build the site with Zensical."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from devtools.site.pages import ROOT, gather

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = ROOT / "mkdocs.yml"
OLDEST_PYTHON = (3, 11)
TOO_OLD = "Zensical, which builds the site, needs Python 3.11 or newer"


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: What Zensical's plugin `offline` puts into each page, and what stands there instead.
_FOREIGN_SCRIPT = "https://unpkg.com/iframe-worker/shim"
_OWN_SCRIPT = "assets/search-in-folder.js"
_TRACEBACK = re.compile(r"^Traceback .*\n(?:[ ].*\n)*", re.MULTILINE)


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site into `folder/site`. The folder gets the gathered pages and the configuration, too.

    Args:
        folder: What it holds of an earlier build is removed.

    Returns:
        How Zensical ended, and what it printed, without colours and tracebacks. Each warning makes it fail.

    Raises:
        BrokenLinkError: A page links to something that cannot be on the site.
    """
    for old in ("pages", "site", ".cache"):
        shutil.rmtree(folder / old, ignore_errors=True)
    gather(folder / "pages")
    config = folder / "mkdocs.yml"
    config.write_text(_moved(CONFIG.read_text(encoding="utf-8")), encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(config)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    ended.stdout, ended.stderr = (_TRACEBACK.sub("", _COLOURS.sub("", text)) for text in (ended.stdout, ended.stderr))
    _use_own_script(folder / "site")
    return ended


def _use_own_script(site: Path) -> None:
    """Let pages take the script of the search in a folder from the site. Zensical takes it from another host."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        own = "../" * (len(page.relative_to(site).parts) - 1) + _OWN_SCRIPT
        page.write_text(text.replace(_FOREIGN_SCRIPT, own), encoding="utf-8")


def _moved(config: str) -> str:
    """Return the configuration with the folders of a build: Zensical wants both beside its configuration."""
    for setting, folder in (("docs_dir: docs", "pages"), ("site_dir: build/site", "site")):
        if f"\n{setting}\n" not in config:
            raise ValueError(f"mkdocs.yml has no line {setting!r}")
        config = config.replace(f"\n{setting}\n", f"\n{setting.partition(':')[0]}: {folder}\n")
    return config
