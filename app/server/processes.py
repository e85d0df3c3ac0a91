"""Processes of this program: what is installed now, and not what runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from pathlib import Path

# Where this program is. Its processes are started from there: not from another `app` in the folder that one is in.
HOME = str(Path(__file__).parent.parent.parent)
COMMAND = (sys.executable, "-P", "-m", "app")


async def start_program(
    *arguments: str,
    inherited: tuple[int, ...] = (),
    output: int | None = None,
    environment: dict[str, str] | None = None,
) -> Process:
    """Start a command of this program, which prints to a descriptor if one is given.

    One that inherits descriptors is in a session of its own: Ctrl+C reaches it through the supervisor alone.
    """
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        stdout=output,
        pass_fds=inherited,
        env=find_program() | (environment or {}),
        start_new_session=bool(inherited),
    )


def find_program() -> dict[str, str]:
    """The environment of a process that is this program again."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (HOME, os.environ.get("PYTHONPATH"))))}


def list_program_files(home: Path) -> set[tuple[str, int]]:
    """The files of the program, each with when it was changed."""
    found = set()
    for folder in ("app", "migrations"):
        for path in (home / folder).rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # an editor writes a new file and renames it
                if path.suffix != ".pyc" and path.is_file():
                    found.add((str(path.relative_to(home)), path.stat().st_mtime_ns))
    return found
