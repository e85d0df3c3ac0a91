"""Puts the documents together for the site: those of docs, and the ones beside it, the README as the first page.

`make docs` runs it, and then the generator (zensical.toml), which refuses links that lead nowhere.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SITE = ROOT / "build" / "docs"
# What is beside docs, and what it is called on the site.
BESIDE = {
    "README.md": "index.md",
    "README.pt-BR.md": "index.pt-BR.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "report.md",
    "STYLE.md": "style.md",
}
LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]+)")


def place_of(path: Path) -> Path | None:
    """Where a file of the repository is on the site; None for one that is not on it."""
    if path.is_relative_to(DOCS):
        return SITE / path.relative_to(DOCS)
    return SITE / BESIDE[path.name] if path.parent == ROOT and path.name in BESIDE else None


def move_links(source: str, path: Path) -> str:
    """A document with links to where the others are on the site."""
    here = place_of(path)
    assert here is not None

    def move(found: re.Match[str]) -> str:
        there = place_of(Path(os.path.normpath(path.parent / found[1])))
        return os.path.relpath(there, here.parent) if there else found[1]

    return LINK.sub(move, source)


def main() -> None:
    """Write all of them to build/docs."""
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(DOCS, SITE)
    for path in (*DOCS.rglob("*.md"), *(ROOT / name for name in BESIDE)):
        place = place_of(path)
        assert place is not None
        place.write_text(move_links(path.read_text(), path))


if __name__ == "__main__":
    main()
