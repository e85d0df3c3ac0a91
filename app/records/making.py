"""Exports that are made as a file before they are taken, for pages that say how far one is.

A file is in a folder of its own, named by its maker, its collection and a random key: nobody else gets it, and the
folder is gone when the file was taken, when its making was cut off, or after ten minutes when another one is made.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, closing
from pathlib import Path
from typing import IO

from litestar.exceptions import NotFoundException

from app.accounts.members import Member
from app.files.uploads import in_thread
from app.records.collections import Collection
from app.records.export_csv import export_csv
from app.records.export_json import export_json
from app.records.export_xlsx import SENT_AT_ONCE, export_xlsx
from app.records.exports import Batches, Export

MADE_IS_KEPT_FOR = 600
MADE_KEY = re.compile(r"[0-9a-f]{32}")


def write_pieces(export: Export, batches: Batches, name: str, directory: Path) -> AsyncGenerator[bytes]:
    """The pieces of an export in a format; empty ones where something has been done and nothing can be sent yet."""
    if name == "csv":
        return export_csv(export, batches)
    if name == "json":
        return export_json(export, batches)
    return export_xlsx(export, batches, directory)


class CountedBatches:
    """Batches, and how many records of them have been read."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches
        self.count = 0

    async def read(self) -> Batches:
        """The batches."""
        async with aclosing(self.batches) as batches:
            async for records in batches:
                self.count += len(records)
                yield records


async def make_file(
    export: Export, batches: Batches, name: str, directory: Path, member: Member, total: int
) -> AsyncGenerator[bytes]:
    """Make the file of an export; lines with how many records there are in all, then how many are done, again and
    again, and at last the key by which it is taken."""
    key = secrets.token_hex(16)
    folder = directory / name_of_folder(member, export.collection, key)
    counted = CountedBatches(batches)
    made = False
    await in_thread(forget_made, directory)
    file = await in_thread(begin_file, folder, name)
    try:
        yield f"{total}\n".encode()
        done = 0
        async with (
            aclosing(counted.read()) as reading,
            aclosing(write_pieces(export, reading, name, directory)) as pieces,
        ):
            async for piece in pieces:
                await in_thread(file.write, piece)
                if counted.count > done:
                    done = counted.count
                    yield f"{done}\n".encode()
        await in_thread(file.close)
        made = True
        yield f"{key}\n".encode()
    finally:
        file.close()
        if not made:
            await in_thread(shutil.rmtree, folder, True)


def name_of_folder(member: Member, collection: Collection, key: str) -> str:
    """The folder of a file that a member has made."""
    return f"{member.id}-{collection.id}-{key}"


def begin_file(folder: Path, name: str) -> IO[bytes]:
    """The file in a new folder, which nobody else may look into."""
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    return (folder / f"export.{name}").open("wb")


def forget_made(directory: Path) -> None:
    """Delete what anybody has made a while ago, and has not taken."""
    for folder in directory.glob("*-*"):
        if is_over(folder):
            shutil.rmtree(folder, ignore_errors=True)


def is_over(folder: Path) -> bool:
    """Whether what was made is not kept any more, or is gone already."""
    try:
        return time.time() - folder.stat().st_mtime > MADE_IS_KEPT_FOR
    except FileNotFoundError:
        return True


def find_made(directory: Path, member: Member, collection: Collection, key: str) -> Path:
    """A file that a member has made. Raises NotFoundException."""
    folder = directory / name_of_folder(member, collection, key)
    found = next(folder.glob("export.*"), None) if MADE_KEY.fullmatch(key) and not is_over(folder) else None
    if found is None:
        raise NotFoundException
    return found


def open_made(path: Path) -> IO[bytes]:
    """A file that was made, to be read."""
    return path.open("rb")


async def take_file(path: Path) -> AsyncGenerator[bytes]:
    """The pieces of a file that was made; when all were sent, it is gone."""
    with closing(await in_thread(open_made, path)) as file:
        while piece := await in_thread(file.read, SENT_AT_ONCE):
            yield piece
    await in_thread(shutil.rmtree, path.parent, True)
