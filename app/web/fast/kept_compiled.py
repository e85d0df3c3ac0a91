"""What templates and translations are compiled to, and what else a start makes of files, kept from one to the next.

It is kept as Python keeps what its modules are compiled to: beside them, in a folder `__pycache__`, where the program
may write there and `PYTHONDONTWRITEBYTECODE` is not set. The name of the folder says all that went in: a change of any
template, text, style sheet or script, or of what makes something of them, makes another one. What is made of a
library's file says itself of which. A start keeps what it makes, `mutirao compile` all there is.
Nothing is written later, when the files may be those of another version; nor when one has changed since the process
began, though it was changed back.

Earns: six tenths of a second of the processor at each start, and after `mutirao compile` a page that is shown for the
first time is as soon there as later (measured by bench/report.py on 2026-11-30).

Written against: Jinja2 3.1.6, Babel 2.18.0.

Tested by: tests/web/fast/test_kept_compiled.py.

Used by: web/templates.py, web/texts.py, web/assets.py, records/kinds/weights.py, server/asgi.py, cli/serving.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import babel
import jinja2
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket, bc_magic

APP_FOLDER = Path(__file__).parents[2]
# What is compiled, and what decides how, or is written into it.
COMPILED_FROM = ("templates", "locale", "static", "web", "records/kinds")
DIGEST_BYTES = hashlib.sha256().digest_size
# What has been made to be kept, by its name, while something is.
TO_BE_KEPT: ContextVar[dict[str, bytes] | None] = ContextVar("TO_BE_KEPT", default=None)


def list_files() -> Iterator[Path]:
    """The files that what is kept is made of, in order."""
    for folder in COMPILED_FROM:
        for parent, folders, names in os.walk(APP_FOLDER / folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            yield from (Path(parent, name) for name in sorted(names))


def stamp_files() -> dict[Path, tuple[int, ...]]:
    """What changes with each write of a file, also with one that changes it back."""
    stamps: dict[Path, tuple[int, ...]] = {}
    for path in list_files():
        with contextlib.suppress(OSError):
            found = path.stat()
            stamps[path] = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return stamps


# As the process began.
STARTED_AT, STAMPS = time.time(), stamp_files()


def find_folder() -> Path:
    """Where what is made of the files as they are now is kept."""
    digest = hashlib.sha256(bc_magic + f"{jinja2.__version__} {babel.__version__} ".encode())
    for path in list_files():
        content = b""
        with contextlib.suppress(OSError):  # none can be made of it
            content = path.read_bytes()
        digest.update(f"{path.relative_to(APP_FOLDER)} {len(content)} ".encode() + content)
    cached = importlib.util.cache_from_source(str(APP_FOLDER / "compiled.py"))
    return Path(cached).parent / f"compiled-{digest.hexdigest()[:16]}"


@cache
def compiled_folder() -> Path:
    """Where what is made of the files that this process began with is kept."""
    return find_folder()


def load_kept(name: str) -> bytes | None:
    """What was kept by a name; None for what was not, or is not whole."""
    with contextlib.suppress(OSError):
        found = (compiled_folder() / f"{name}.pyc").read_bytes()
        content = found[DIGEST_BYTES:]
        if hashlib.sha256(content).digest() == found[:DIGEST_BYTES]:
            return content
    return None


def keep(name: str, content: bytes) -> None:
    """Keep it for the next start, if it is compiled to be kept."""
    gathered = TO_BE_KEPT.get()
    if gathered is not None:
        gathered[name] = content


@contextlib.contextmanager
def keeping() -> Iterator[None]:
    """Keep what is compiled within, when it is over: it is of the files that are there if none has changed since the
    process began."""
    gathered: dict[str, bytes] = {}
    folder = compiled_folder()
    before = TO_BE_KEPT.set(gathered)
    try:
        yield
    finally:
        TO_BE_KEPT.reset(before)
    if gathered and not sys.dont_write_bytecode and stamp_files() == STAMPS and find_folder() == folder:
        with contextlib.suppress(OSError):
            write_kept(folder, gathered)
            remove_others(folder)


def write_kept(folder: Path, gathered: Mapping[str, bytes]) -> None:
    """Write it, each file whole. It is no secret: whoever runs the program may read it."""
    for each in (folder.parent, folder):
        if not each.is_dir():
            each.mkdir(exist_ok=True)
            each.chmod(0o755)
    for name, content in gathered.items():
        written = folder / f"{name}.{os.getpid()}.pyc"
        written.write_bytes(hashlib.sha256(content).digest() + content)
        written.chmod(0o644)
        written.replace(folder / f"{name}.pyc")


def remove_others(folder: Path) -> None:
    """Remove what other versions have kept, but for one that has come since this process began."""
    for other in folder.parent.glob("compiled-*"):
        if other != folder and other.stat().st_mtime < STARTED_AT:
            shutil.rmtree(other, ignore_errors=True)


class KeptTemplates(BytecodeCache):
    """Keeps the compiled templates of one language, where they are compiled to be kept."""

    def __init__(self, language: str) -> None:
        self.language = language

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what was kept, which is of the same source."""
        content = load_kept(f"{self.language}-{bucket.key}")
        if content is not None:
            bucket.bytecode_from_string(content)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        keep(f"{self.language}-{bucket.key}", bucket.bytecode_to_string())
