"""Clients that take their time: connections that never finish what they ask hold up nobody, and are ended."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

import httpx
import pytest

from app.server.http_protocol import BODY_TIME, HEADER_SIZE, HEADER_TIME
from tests.conftest import Server
from tests.faults.extent import times
from tests.faults.wire import Wire, count_connections, dial, handshake, request
from tests.live.test_socket import add_book, follow, read_until


@dataclass
class Slowness:
    """A way to be slow: what is sent at once, what follows byte by byte, if anything, and the answers to it all."""

    name: str
    at_once: bytes
    then: bytes
    statuses: list[int]
    wires: set[Wire] = field(default_factory=set)

    async def play(self, server: Server) -> float:
        """Be slow until the server hangs up; how long that took, in seconds."""
        async with dial(server) as wire:
            began = time.monotonic()
            await wire.send(self.at_once)
            self.wires.add(wire)
            rest = await wire.read_rest()
            self.wires.discard(wire)
            assert [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", rest)] == self.statuses, self.name
            assert rest.count(b"\r\nx-content-type-options: nosniff") == len(set(self.statuses) - {101}), self.name
            return time.monotonic() - began

    def drip(self, place: int) -> None:
        """Send one more byte on each connection."""
        for wire in self.wires:
            wire.writer.write(self.then[place % len(self.then) :][:1] if self.then else b"")


def slownesses(server: Server, cookie: bytes) -> list[Slowness]:
    """All the ways to be slow."""
    opening = handshake(server, "acme", cookie)
    kept = request(server, "acme", "GET /healthz") + b"GET /"
    form = request(server, "acme", "POST /login", body=b"x" * 5000)[:-5000]
    chunked = request(server, "acme", "POST /login").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    refused = form.replace(b"Origin: http://", b"Origin: http://evil.")
    fast = upload(server, cookie) + chunk(b"x" * 200_000)
    long = b"X-Slow: " + b"x" * 50_000
    return [
        Slowness("nothing at all", b"", b"", []),
        Slowness("empty lines", b"", b"\r\n", [408]),
        Slowness("half a handshake", opening[:60], b"", [408]),
        Slowness("a handshake byte by byte", b"", opening[:-2] + long, [408]),
        Slowness("a page byte by byte", b"", b"GET /c/books HTTP/1.1\r\n" + long, [408]),
        Slowness("a connection that was kept", kept, b"x", [200, 408]),
        Slowness("a form without its body", form, b"", [408]),
        Slowness("a form byte by byte", form, b"x", [408]),
        Slowness("a chunk's endless extension", chunked + b"1;", b"x", [408]),
        Slowness("a form that falls silent", form + b"x" * 4900, b"", [408]),
        Slowness("a file that came fast, and goes on byte by byte", fast, b"1\r\nx\r\n", [408]),
        Slowness("a file byte by byte", upload(server, cookie), b"1\r\nx\r\n", [408]),
        Slowness("the body of what is refused already", refused, b"x", [403]),
        Slowness("a socket that does not answer its close", handshake(server, "acme"), b"", [101]),
    ]


def upload(server: Server, cookie: bytes) -> bytes:
    """The beginning of a file on its way to a room, in chunks."""
    start = request(server, "acme", "POST /chat/general/files", b"Cookie: " + cookie)
    start = start.replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    start = start.replace(b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=b")
    return start + chunk(b'--b\r\nContent-Disposition: form-data; name="file"; filename="plan.txt"\r\n\r\n')


def chunk(data: bytes) -> bytes:
    """A piece of a body whose length is not said before (RFC 9112, 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
async def people(shared_server: Server) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Ana and Carla, signed in."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(aclosing(await shared_server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "carla")
        ]


async def test_slow_requests_hold_up_nobody_and_are_ended(
    shared_server: Server, people: list[httpx.AsyncClient]
) -> None:
    ana, carla = people
    count = times(6, 60)
    logged = len(shared_server.log)
    cookie = ana.headers["cookie"].encode()
    ways = slownesses(shared_server, cookie)
    async with shared_server.connect("acme", carla) as socket, dial(shared_server) as patient:
        await follow(socket, carla)
        await patient.send(upload(shared_server, cookie))
        before = count_connections(shared_server)
        slow = {way.name: [asyncio.create_task(way.play(shared_server)) for _ in range(count)] for way in ways}
        served, longest, most = 0, 0.0, 0
        # Everybody is served meanwhile; each round sends one more byte of what is sent byte by byte.
        while not all(task.done() for tasks in slow.values() for task in tasks):
            began = time.monotonic()
            assert (await ana.get("/c/books")).status_code == 200
            title = f"Meanwhile, number {served}."
            await add_book(ana, title)
            await read_until(socket, title)
            async with shared_server.connect("acme", ana) as another:
                await follow(another, ana, "/account")
            longest = max(longest, time.monotonic() - began)
            most = max(most, count_connections(shared_server) - before)
            for way in ways:
                way.drip(served)
            await patient.send(chunk(b"x" * 2000))
            served += 1
            await asyncio.sleep(0.1)  # the clients take as long however often a round is played
        took = {name: max(task.result() for task in tasks) for name, tasks in slow.items()}
        async with asyncio.timeout(20):
            while count_connections(shared_server) > before:
                assert (await ana.get("/healthz")).status_code == 200
        # A body that takes as long, but comes faster than the bound, is waited for.
        answer = await patient.ask(chunk(b"\r\n--b--\r\n") + chunk(b""))
        assert (answer.status, b"plan.txt" in answer.body) == (200, True)
    assert most >= len(ways) * count
    # Nothing is said of connections on which nothing was asked, or all was answered.
    assert shared_server.log[logged:].count("request cut off") == sum(408 in way.statuses for way in ways) * count
    assert "Traceback" not in shared_server.log
    assert not list(shared_server.data_dir.rglob("*.part"))
    print(f"{len(ways) * count} slow connections; meanwhile {served} pages, books, events and sockets,")
    print(f"a round of them at most {longest:.2f} s; bounds {HEADER_TIME:.0f} and {BODY_TIME:.0f} s; ended after")
    print(", ".join(f"{name} {seconds:.1f} s" for name, seconds in took.items()))


async def test_a_header_without_an_end_is_cut_off(shared_server: Server) -> None:
    for line in (b"GET /" + b"x" * HEADER_SIZE, b"GET / HTTP/1.1\r\n" + b"X-Some: thing\r\n" * (HEADER_SIZE // 15)):
        async with dial(shared_server) as wire:
            await wire.send(line + b"x" * 70_000)
            assert (await wire.read_answer()).status == 431
            assert await wire.read_rest() == b""
    assert "Traceback" not in shared_server.log


async def test_fields_after_a_body_change_nothing(shared_server: Server, people: list[httpx.AsyncClient]) -> None:
    ana, _ = people
    form = request(shared_server, "acme", "POST /account/name").replace(
        b"Content-Length: 0", b"Transfer-Encoding: chunked"
    )
    async with dial(shared_server) as wire:
        trailer = b"Cookie: " + ana.headers["cookie"].encode()
        answer = await wire.ask(form + b"8\r\nname=Eva\r\n0\r\n" + trailer + b"\r\n\r\n")
    assert (answer.status, answer.headers["location"]) == (303, "/login")
