"""Processes of this program: what is installed now, and not what runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from pathlib import Path

import structlog

# Where this program is. Its processes are started from there: not from another `app` in the folder that one is in.
HOME = str(Path(__file__).parent.parent.parent)
COMMAND = (sys.executable, "-P", "-m", "app")
# Bytes: less than a pipe holds, so that nobody has to read along.
MOST_ANSWERED = 4096
# How long, in seconds, a command may take that is asked for a plan.
PLAN_WITHIN = 60.0

log = structlog.get_logger("workers")


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


async def ask_program(*arguments: str) -> tuple[int, str]:
    """The status of a command of this program, and the line that it prints."""
    reading, writing = os.pipe()
    try:
        try:
            process = await start_program(*arguments, output=writing)
        finally:
            os.close(writing)
        return await wait_for(process, seconds=PLAN_WITHIN), os.read(reading, MOST_ANSWERED).decode().strip()
    finally:
        os.close(reading)


async def wait_for(process: Process, *, seconds: float | None = None) -> int:
    """The status of a command once it has ended. It ends with this process, or after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await process.wait()
    except TimeoutError:
        log.error("a command does not end, and is ended", pid=process.pid)
        return 1
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


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
