"""Draw the pictures of the documentation: `make pictures`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from devtools.pictures import map as map_of_boxes
from devtools.pictures import steps
from devtools.pictures.source import SourceError, load

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "img"
SOURCES: Final = FOLDER / "src"


def drawn(source: Path) -> str:
    """Return the SVG of a source.

    Raises:
        SourceError: The source says something that no picture can show.
    """
    picture = load(source)
    return steps.drawn(picture) if picture.steps else map_of_boxes.drawn(picture)


def main() -> int:
    """Draw all pictures; return the exit code."""
    for source in sorted(SOURCES.glob("*.yaml")):
        try:
            text = drawn(source)
        except SourceError as error:
            print(error)
            return 1
        target = FOLDER / f"{source.stem}.svg"
        is_new = not target.exists() or target.read_text() != text
        target.write_text(text)
        print(f"{'drawn    ' if is_new else 'unchanged'} docs/img/{target.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
