"""Static files, as they are sent. Their addresses begin with the version of all of them, so that browsers may keep them
for ever, and scripts import each other by their plain names."""

from __future__ import annotations

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from app.web.fast.kept_compiled import keep, load_kept

STATIC = Path(__file__).parent.parent / "static"
# The one style sheet of all pages.
STYLES = "app.css"
# Scripts that are sent as one: what a live page begins with, which is htmx, its extension, and what has to be there
# before their first event; the modules of every page of a workspace; and those of a list of records and of a page with
# messages. Each is after what it imports of them, as asking for one costs half a kB, and takes a slow processor longer
# than reading it. All else is loaded by the pages that have it.
SCRIPTS = "app.js"
WORKSPACE = "js/workspace.js"
LISTS = "js/lists.js"
ROOMS = "js/rooms.js"
JOINED = {
    SCRIPTS: (
        *("vendor/htmx.min.js", "vendor/hx-ws.min.js"),
        *("js/boosting.js", "js/calls.js", "js/morph.js", "js/stale-page.js", "js/live.js"),
    ),
    WORKSPACE: (
        *("js/room-counts.js", "js/sidebar-rooms.js", "js/side-links.js", "js/page-title.js"),
        *("js/times.js", "js/device-zone.js", "js/toasts.js", "js/history.js", "js/failed-request.js"),
        *("js/typed.js", "js/quick-switcher-opening.js", "js/ask-first.js", "js/focus.js", "js/kept-in-tab.js"),
        *("js/keys.js", "js/popup-menus.js", "js/pressed.js"),
    ),
    LISTS: ("js/record-order.js", "js/record-list.js"),
    ROOMS: (
        *("js/message-queue.js", "js/taken-out.js", "js/outbox.js"),
        *("js/message-lines.js", "js/message-position.js", "js/message-reading.js", "js/message-stretches.js"),
        *("js/message-window.js", "js/message-sliding.js", "js/room-messages.js", "js/record-links.js"),
        *("js/message-draft.js", "js/files-of-tabs.js", "js/message-upload.js", "js/message-files.js"),
        *("js/message-length.js", "js/message-answering.js", "js/message-rewriting.js", "js/message-composer.js"),
        *("js/message-outbox.js", "js/outbox-toasts.js", "js/typing-line.js", "js/name-completion.js"),
    ),
}
VERSION = re.compile(r"[0-9a-f]{8}|[0-9a-f]{12}")  # the longer ones are those of 0.3.0
# Comments are not sent: of scripts those on lines of their own, and those that stand apart from what is before them.
# Nor is what lines of scripts are indented by. The lines stay, so that an error is where it is said to be; none of them
# is within a text.
COMMENTS = {
    "js": re.compile(rb"(?:^[ \t]*|[ \t]{2,})//.*$|^[ \t]+", re.MULTILINE),
    "css": re.compile(rb"[ \t]*/\*.*?\*/", re.DOTALL),
}
IMPORT = re.compile(r"""^import\b[^"';]*"\./([\w-]+)\.js";$""", re.MULTILINE)
NAMES = re.compile(r"""^import \{ ([\w, ]+) \} from "\./([\w-]+)\.js";$""", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:const|class|function|async function) (\w+))", re.MULTILINE)
NOT_IN_A_BLOCK = re.compile(r"^(import|export)\b(?!\().*$", re.MULTILINE)
MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}


@dataclass(frozen=True)
class StaticFile:
    """What is sent of a file. `compressed` is by gzip, where that makes it smaller."""

    content: bytes
    compressed: bytes | None
    media_type: str


@cache
def static_names() -> frozenset[str]:
    """The names of all static files, below `static`."""
    files = (path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())
    return frozenset({*files, STYLES, *JOINED})


@cache
def static_version() -> str:
    """Changes with any of the static files."""
    kept = load_kept("static")
    if kept is not None:
        return kept.decode()
    digest = hashlib.sha256()
    for name in sorted(static_names()):
        content = static_content(name)
        digest.update(f"{name} {len(content)} ".encode() + content)
    version = digest.hexdigest()[:8]
    keep("static", version.encode())
    return version


@cache
def static_content(name: str) -> bytes:
    """What a file holds. In the style sheet the one that declares the layers' order comes first."""
    if name == STYLES:
        sheets = sorted((STATIC / "css").glob("*.css"), key=lambda sheet: (sheet.name != "layers.css", sheet.name))
        return squeeze(b"\n".join(COMMENTS["css"].sub(b"", sheet.read_bytes()) for sheet in sheets))
    if name in JOINED:
        return join_scripts({Path(script).stem: static_content(script).decode() for script in JOINED[name]}).encode()
    content = (STATIC / name).read_bytes()
    return COMMENTS["js"].sub(b"", content) if name.startswith("js/") else content


def squeeze(sheet: bytes) -> bytes:
    """A style sheet without the spaces that say nothing: around braces, semicolons and commas, and after colons, before
    which one may mean 'somewhere in'."""
    return re.sub(rb":\s+", b":", re.sub(rb"\s*([{};,])\s*", rb"\1", sheet)).replace(b";}", b"}")


def join_scripts(scripts: dict[str, str]) -> str:
    """One script of several, by their names: each in a block, so that what one declares is not another's, below what
    they import. What one exports is for those after it alone, and comes out of its block by its name.

    So each script imports names, from one module a line, and exports what it declares, a name a line. A name stands for
    the same in all of them: declared twice, it would end the script before it begins.

    Raises ValueError when scripts don't keep to this.
    """
    imported: dict[str, set[str]] = {}
    origins: dict[str, str] = {}
    blocks: list[str] = []
    seen: set[str] = set()
    for script, text in scripts.items():
        exported = EXPORT.findall(text)
        wanted = [(name, module) for names, module in NAMES.findall(text) for name in names.split(", ")]
        for name, module in [*wanted, *((name, script) for name in exported)]:
            local, origin = name.split(" as ")[-1], f"{name} of {module}"
            if origins.setdefault(local, origin) != origin:
                raise ValueError(f"{local} would be declared twice: as {origins[local]} and as {origin}")
        for name, module in wanted:
            if module not in scripts:
                imported.setdefault(module, set()).add(name)
            elif module not in seen or " as " in name:
                raise ValueError(f"{script} can't have {name} of {module}, which comes later or under that name alone")
        block = EXPORT.sub("", NAMES.sub("", text))
        if left := NOT_IN_A_BLOCK.search(block):
            raise ValueError(f"this can't be in a script that is joined to others: {left.group()}")
        names = ", ".join(exported)
        begin, end = (f"const {{ {names} }} = (() => {{", f"return {{ {names} }};\n}})();") if exported else ("{", "}")
        blocks.append(f"{begin}\n{block}\n{end}")
        seen.add(script)
    lines = [f'import {{ {", ".join(sorted(names))} }} from "./{module}.js";' for module, names in imported.items()]
    return "\n".join([*lines, *blocks])


@cache
def static_file(name: str) -> StaticFile:
    """A file and how it is sent, made once."""
    content = static_content(name)
    compressed = gzip.compress(content, mtime=0)
    media_type = MEDIA_TYPES.get(Path(name).suffix, "text/plain")
    return StaticFile(content, compressed if len(compressed) < len(content) else None, media_type)


@cache
def static_url(name: str) -> str:
    """Address of a static file."""
    return f"/static/{static_version()}/{name}"


@cache
def module_tags(names: str) -> str:
    """The tags that load some modules, beside the elements that need them, and at the same time what those import.

    htmx runs the scripts of a page that it puts in; a document runs a module once, however often a page asks for it.
    """
    wanted = names.split()
    found: list[str] = []
    waiting = list(wanted)
    while waiting:
        for name in IMPORT.findall(static_content(f"js/{waiting.pop(0)}.js").decode()):
            if name not in [*wanted, *found]:
                found.append(name)
                waiting.append(name)
    preloads = [f'<link rel="modulepreload" href="{static_url(f"js/{name}.js")}">' for name in found]
    scripts = [f'<script type="module" src="{static_url(f"js/{name}.js")}"></script>' for name in wanted]
    return "".join([*preloads, *scripts])
