"""Static files by addresses that change with what they hold, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent.parent / "static"
# The one style sheet of all pages.
STYLES = "app.css"
IMPORT = re.compile(r"""^(import\b[^"';]*)"\./([\w-]+\.js)";$""", re.MULTILINE)


@cache
def static_content(path: str) -> bytes:
    """What is sent of a file. A module imports others by their addresses, so its own changes with theirs. The style
    sheet is made of all in `css`, so that a browser asks once; the one that declares the layers' order comes first."""
    if path == STYLES:
        sheets = sorted((STATIC / "css").glob("*.css"), key=lambda sheet: (sheet.name != "layers.css", sheet.name))
        return b"\n".join(sheet.read_bytes() for sheet in sheets)
    content = (STATIC / path).read_bytes()
    if path.startswith("js/"):
        text = content.decode()
        content = IMPORT.sub(lambda found: f'{found[1]}"{static_url(f"js/{found[2]}")}";', text).encode()
    return content


@cache
def static_url(path: str) -> str:
    """Address of a static file that changes with its content."""
    digest = hashlib.sha256(static_content(path)).hexdigest()[:12]
    return f"/static/{path}?v={digest}"
