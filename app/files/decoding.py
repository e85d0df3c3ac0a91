"""Asking the process that decodes pictures (`pictures.py`): the server itself never does.

A picture of some hundred kilobytes may take hundreds of megabytes, and decoders are where hostile files do their work.
So there is one process beside each of the server's, with a bound on its memory and time, without the server's
environment and sockets. It takes one picture at a time, ends by itself when it has nothing to do, and is replaced when
a picture has crashed it or takes too long.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

# What a picture may have in pixels, so that it fits into the process's memory whatever it is made of; of a JPEG, which
# is decoded at a fraction of its size; of a WebP, of which the decoder holds several copies.
MOST_PIXELS = 50_000_000
MOST_JPEG_PIXELS = 200_000_000
MOST_WEBP_PIXELS = 25_000_000
# How long, in seconds, a picture may take.
DECODING_TIMEOUT = 20.0
# All that the process may take, Python and the decoders' code included.
MEMORY = 640 * 1024 * 1024

DECODER_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; from app.files.pictures import serve_pictures; serve_pictures()"
)


class Undecodable(Exception):
    """It is no picture after all, or a broken one."""


class TooManyPixels(Exception):
    """The picture is larger than what is decoded."""


class TooCostly(Exception):
    """Decoding the picture took too long or too much memory, or crashed the decoder."""


class Abandoned(Exception):
    """Nobody wants the picture any more."""


class Picture(Struct, frozen=True):
    """A picture that could be decoded; width and height in pixels as it is looked at."""

    kind: str
    width: int
    height: int


class Decoder:
    """The process that decodes, one picture after another."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.turn = threading.Lock()
        # Whose picture is at work, and whether it is wanted no more. The event loop takes this lock as well, so nothing
        # that takes time is done under it.
        self.guard = threading.Lock()
        self.owner = ""
        self.abandoned = False

    def ask(self, request: dict[str, Any], owner: str) -> dict[str, Any]:
        """Have something done, and wait for it.

        Raises Undecodable, TooManyPixels, TooCostly, Abandoned, or the OSError that a full disk was.
        """
        with self.turn:
            with self.guard:
                self.owner, self.abandoned = owner, False
            try:
                answer = self.exchange(json.dumps(request).encode() + b"\n")
            finally:
                with self.guard:
                    abandoned = self.abandoned
                    self.owner, self.abandoned = "", False
        if abandoned:
            raise Abandoned
        if answer is None:
            raise TooCostly
        match answer.get("error"):
            case None:
                return answer
            case "pixels":
                raise TooManyPixels
            case "memory":
                raise TooCostly
            case "disk":
                raise OSError(answer["number"], os.strerror(answer["number"]))
            case _:
                raise Undecodable(answer["error"])

    def exchange(self, line: bytes) -> dict[str, Any] | None:
        """Send a line and read one; None, and the process is gone, when there is none in time."""
        for _ in range(2):
            process = self.running()
            assert process.stdin is not None  # noqa: S101
            assert process.stdout is not None  # noqa: S101
            with suppress(BrokenPipeError):
                process.stdin.write(line)
                process.stdin.flush()
            answer = read_pipe_line(process.stdout.fileno(), DECODING_TIMEOUT)
            if answer:
                return dict(json.loads(answer))
            # When it has ended by itself, as there was nothing to do for long, the picture is another one's.
            idle = answer == b"" and exit_status(process) == 0
            self.end()
            if not idle:
                return None
        return None

    def running(self) -> subprocess.Popen[bytes]:
        """The process, started where there is none. Only whose turn it is starts one."""
        process = self.process
        if process is None or process.poll() is not None:
            self.end()
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", DECODER_PROGRAM, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PYTHONDONTWRITEBYTECODE": "1"},
                close_fds=True,
                start_new_session=True,  # what a terminal sends to the server is not for it
            )
        with self.guard:
            self.process = process
            if self.abandoned:
                process.kill()
        return process

    def abandon(self, owner: str) -> None:
        """Stop what is done for somebody; what is done for others goes on. It waits for nothing."""
        with self.guard:
            if self.owner == owner:
                self.abandoned = True
                if self.process is not None:
                    self.process.kill()

    def end(self) -> None:
        """End the process, whatever it does, and close what leads to it."""
        with self.guard:
            process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def exit_status(process: subprocess.Popen[bytes]) -> int | None:
    """How a process has ended that has closed its pipe, which it does a moment before."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(DECODING_TIMEOUT)
    return None


def read_pipe_line(descriptor: int, patience: float) -> bytes | None:
    """A line from a pipe; None when there is none in time, and nothing when the pipe has ended."""
    line = b""
    until = time.monotonic() + patience
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return None
        piece = os.read(descriptor, 4096)
        if not piece:
            return b""
        line += piece
    return line


DECODER = Decoder()


def decode(path: Path, kind: str, preview: Path, owner: str) -> Picture:
    """Decode a picture and write its preview as WebP, a new file. Raises what `Decoder.ask` does."""
    answer = DECODER.ask({"do": "preview", "path": str(path), "kind": kind, "target": str(preview)}, owner)
    return Picture(kind, answer["width"], answer["height"])


def shrink(path: Path, target: Path, width: int, height: int, *, crop: bool, owner: str) -> None:
    """Write a WebP anew so small that it fits, or fills, an area. Raises what `Decoder.ask` does."""
    request = {"do": "shrink", "path": str(path), "target": str(target), "size": [width, height], "crop": crop}
    DECODER.ask(request, owner)


def make_mailable(path: Path, width: int, height: int, *, owner: str) -> tuple[str, bytes]:
    """A WebP as JPEG or PNG, so small that it fits an area: type and content. Raises what `Decoder.ask` does."""
    answer = DECODER.ask({"do": "convert", "path": str(path), "target": "", "size": [width, height]}, owner)
    return answer["type"], base64.b64decode(answer["content"])
