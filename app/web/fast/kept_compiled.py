"""What templates and translations are compiled to, kept from one start to the next.

It is kept as Python keeps what its modules are compiled to: beside them, in a folder `__pycache__`, where the program
may write there and `PYTHONDONTWRITEBYTECODE` is not set. The name of the folder says all that went in: a change of any
template, text, style sheet or script makes another one. `mutirao compile` makes it whole, where nothing is to be
written later.

Earns: half a second of the processor at each start, and a page that is shown for the first time since is as soon there
as later (measured by bench/report.py on 2026-11-30).

Written against: Jinja2 3.1.6.

Tested by: tests/web/fast/test_kept_compiled.py.

Used by: web/templates.py, web/texts.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import sys
from functools import cache
from pathlib import Path

import jinja2
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket, bc_magic

APP_FOLDER = Path(__file__).parents[2]
# What is compiled, and what decides how, or is written into it.
COMPILED_FROM = ("templates", "locale", "static", "web")


@cache
def compiled_folder() -> Path:
    """Where what is made of these very files is kept."""
    digest = hashlib.sha256(bc_magic + jinja2.__version__.encode())
    for folder in COMPILED_FROM:
        for parent, folders, names in os.walk(APP_FOLDER / folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(names):
                content = Path(parent, name).read_bytes()
                digest.update(f"{parent.removeprefix(str(APP_FOLDER))} {name} {len(content)} ".encode() + content)
    cached = importlib.util.cache_from_source(str(APP_FOLDER / "compiled.py"))
    return Path(cached).parent / f"compiled-{digest.hexdigest()[:16]}"


def find_compiled(name: str) -> bytes | None:
    """What was kept by a name."""
    with contextlib.suppress(OSError):
        return (compiled_folder() / f"{name}.pyc").read_bytes()
    return None


def keep(name: str, content: bytes) -> None:
    """Keep it for the next start. It is no secret: whoever runs the program may read it."""
    if sys.dont_write_bytecode:
        return
    folder = compiled_folder()
    with contextlib.suppress(OSError):
        if not folder.is_dir():
            make_compiled_folder(folder)
        written = folder / f"{name}.{os.getpid()}.pyc"
        written.write_bytes(content)
        written.chmod(0o644)
        written.replace(folder / f"{name}.pyc")


def make_compiled_folder(folder: Path) -> None:
    """Make the folder, and remove those of other versions."""
    for each in (folder.parent, folder):
        if not each.is_dir():
            each.mkdir(exist_ok=True)
            each.chmod(0o755)
    for other in folder.parent.glob("compiled-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)


class KeptTemplates(BytecodeCache):
    """Keeps the compiled templates of one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what was kept, which is of the same source."""
        content = find_compiled(f"{self.language}-{bucket.key}")
        if content is not None:
            bucket.bytecode_from_string(content)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        keep(f"{self.language}-{bucket.key}", bucket.bytecode_to_string())
