"""A consumer that is killed, or cut off, goes on from what it has kept: its list is what the log has."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx

from tests.conftest import ROOT, Server
from tests.programs.conftest import add_token, call_with
from tests.programs.following import Consumer, list_logged, read_log_cursor
from tests.programs.test_streams import add_book, channel_of
from tests.waiting import until

# It writes a line for each event, and begins behind the last whole one.
SCRIPT = """
import sys
from pathlib import Path
from mutirao_client import Mutirao

address, host, token, channel, begin, path = sys.argv[1:]
kept = Path(path)
kept.touch()
whole = kept.read_text().rpartition("\\n")[0]
kept.write_text(whole + "\\n" if whole else "")
after = int(whole.splitlines()[-1].split()[0]) if whole else int(begin)
with Mutirao(address, token, headers={"host": host}) as team, kept.open("a") as lines:
    for event in team.follow(after=after, channels=[channel]):
        lines.write(f"{event.cursor} {event.kind}\\n")
        lines.flush()
"""


def read_kept(path: Path) -> list[tuple[int, str]]:
    """The whole lines that a script has written."""
    whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
    return [(int(cursor), kind) for cursor, _, kind in (line.partition(" ") for line in whole.splitlines())]


async def test_a_consumer_that_is_killed_again_and_again_has_everything_once(
    shared_server: Server, tmp_path: Path
) -> None:
    server, path = shared_server, tmp_path / "kept"
    _, reading = add_token(server, "acme", "carla@acme.test")
    _, writing = add_token(server, "acme", "ana@acme.test")
    async with aclosing(call_with(server, "acme", writing)) as ana:
        books, begin = await channel_of(ana), read_log_cursor(server)
        command = (f"http://{server.address}:{server.port}", server.host("acme"), reading, books, str(begin), str(path))
        for _ in range(3):
            script = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", SCRIPT, *command), env={"PYTHONPATH": str(ROOT / "clients" / "python")}
            )
            seen = len(read_kept(path))
            while len(read_kept(path)) < seen + 5:
                await add_book(ana)
            script.send_signal(signal.SIGKILL)
            await script.wait()
            await add_book(ana, "While nobody listens")
        script = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", SCRIPT, *command), env={"PYTHONPATH": str(ROOT / "clients" / "python")}
        )
        with contextlib.suppress(TimeoutError):
            await until(lambda: read_kept(path) == list_logged(server, books, begin))
        script.kill()
        await script.wait()
        assert read_kept(path) == list_logged(server, books, begin)


class Line:
    """A line between a consumer and the server, which can be cut."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.open: set[asyncio.StreamWriter] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                writer.write(piece)
                await writer.drain()
        writer.close()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self.server.address, self.server.port)
        self.open |= {writer, back}
        for pair in ((reader, back), (there, writer)):
            task = asyncio.create_task(self.carry(*pair))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def cut(self) -> None:
        """End whatever goes over it, in the middle and without a word."""
        for writer in self.open:
            writer.transport.abort()
        self.open.clear()


@asynccontextmanager
async def drawn(server: Server) -> AsyncIterator[Line]:
    line = Line(server)
    listening = await asyncio.start_server(line.connect, "127.0.0.1", 0)
    line.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield line
        line.cut()
        await asyncio.gather(*line.tasks, return_exceptions=True)


async def test_a_consumer_whose_line_is_cut_again_and_again_has_everything_once(shared_server: Server) -> None:
    server = shared_server
    _, reading = add_token(server, "acme", "carla@acme.test")
    _, writing = add_token(server, "acme", "ana@acme.test")
    async with (
        drawn(server) as line,
        aclosing(call_with(server, "acme", writing)) as ana,
        aclosing(
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{line.port}",
                headers={"host": server.host("acme"), "authorization": f"Bearer {reading}"},
                timeout=20,
            )
        ) as carla,
    ):
        books, begin = await channel_of(ana), read_log_cursor(server)
        consumer = Consumer(carla, books, cursor=begin)
        consumer.start()
        for begins in range(1, 6):
            await until(lambda begins=begins: consumer.begins >= begins)
            adding = asyncio.gather(*(add_book(ana, "Cut") for _ in range(8)))
            seen = len(consumer.got)
            await until(lambda seen=seen: len(consumer.got) > seen)
            line.cut()
            await adding
        with contextlib.suppress(TimeoutError):
            await until(lambda: consumer.got == list_logged(server, books, begin))
        await consumer.stop()
        assert consumer.got == list_logged(server, books, begin)
        assert consumer.gaps == 0
