"""A program that does not read its stream is dropped, and has missed nothing when it comes back."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, closing

import httpx
import pytest

from tests.conftest import Server
from tests.programs.conftest import add_token, call_with
from tests.programs.following import EVENTS, list_logged, streaming
from tests.programs.test_streams import BOOKS, channel_of

# So many books get so long notes at once, until the reader has fallen behind by more than is kept for it.
COUNT, LENGTH, ROUNDS = 60, 3_000, 60


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    _, secret = add_token(shared_server, "acme", "ana@acme.test")
    async with aclosing(call_with(shared_server, "acme", secret)) as client:
        yield client


async def count_slow(client: httpx.AsyncClient, server: Server) -> float:
    """How many were dropped by the server so far."""
    shown = (await client.get("/metrics", headers={"host": f"127.0.0.1:{server.port}"})).text
    found = re.search(r"^mutirao_slow_closes_total (\S+)", shown, re.MULTILINE)
    assert found
    return float(found[1])


def open_stream(server: Server, secret: str, channels: str) -> socket.socket:
    """A stream whose reader has little room, and does not read."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.settimeout(20)
    reader.connect((server.address, server.port))
    lines = (
        f"GET {EVENTS}?channels={channels} HTTP/1.1",
        f"Host: {server.host('acme')}",
        f"Authorization: Bearer {secret}",
        "Accept: text/event-stream",
    )
    reader.sendall("\r\n".join([*lines, "", ""]).encode())
    return reader


async def count_streams(client: httpx.AsyncClient, server: Server) -> float:
    """How many there are."""
    shown = (await client.get("/metrics", headers={"host": f"127.0.0.1:{server.port}"})).text
    found = re.search(r"^mutirao_streams (\S+)", shown, re.MULTILINE)
    assert found
    return float(found[1])


async def test_a_stream_with_a_request_behind_it_ends_with_its_reader(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    server = shared_server
    _, secret = add_token(server, "acme", "carla@acme.test")
    books = await channel_of(ana)
    before = await count_streams(ana, server)
    for _ in range(5):
        with closing(open_stream(server, secret, books)) as reader:
            told = b""
            while b"event: begin" not in told:
                told += reader.recv(512)
            lines = (f"GET {BOOKS} HTTP/1.1", f"Host: {server.host('acme')}", f"Authorization: Bearer {secret}")
            reader.sendall("\r\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(20):
        while await count_streams(ana, server) > before:
            answer = await ana.post(f"{BOOKS}/records", json={"values": {"title": "Told", "author": "Someone"}})
            assert answer.status_code == 201


def read_to_the_end(reader: socket.socket) -> str:
    """What has come before it was dropped, the last of it perhaps in part."""
    read = b""
    try:
        while piece := reader.recv(65536):
            read += piece
    except ConnectionError:
        pass
    return re.sub(r"\r\n[0-9a-f]+\r\n", "", read.decode(errors="ignore"))


async def test_a_reader_that_does_not_read_is_dropped_and_goes_on_from_where_it_was(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    server = shared_server
    _, secret = add_token(server, "acme", "carla@acme.test")
    books = await channel_of(ana)
    numbers = []
    for count in range(COUNT):
        book = {"title": f"Slow {count}", "author": "Someone", "notes": "x" * LENGTH}
        numbers.append((await ana.post(f"{BOOKS}/records", json={"values": book})).json()["number"])
    dropped = await count_slow(ana, server)
    begin = (await ana.get(EVENTS, params={"channels": books})).json()["next"]
    with closing(open_stream(server, secret, books)) as reader:
        head = b""
        while b"event: begin" not in head:
            head += reader.recv(512)
        for version in range(1, ROUNDS):
            rows = [
                {"number": number, "version": version, "values": {"notes": chr(97 + version % 20) * LENGTH}}
                for number in numbers
            ]
            done = await ana.post(f"{BOOKS}/records/changes", json={"records": rows})
            assert {each["status"] for each in done.json()["items"]} == {200}
            if await count_slow(ana, server) > dropped:
                break
        else:
            pytest.fail("it was never dropped")
        text = read_to_the_end(reader)
    got = [int(each) for each in re.findall(r"^id: (\d+)\ndata: .*\}\n\n", text, re.MULTILINE)]
    logged = [cursor for cursor, _ in list_logged(server, books, begin)]
    assert got == logged[: len(got)], "in order, from the begin on"
    assert len(got) < len(logged), "it has missed some"
    async with (
        aclosing(call_with(server, "acme", secret)) as carla,
        streaming(carla, last=got[-1] if got else begin, channels=books) as stream,
    ):
        await stream.until("begin")
        while len(got) < len(logged):
            got.append((await stream.until("message")).cursor or 0)
    assert got == logged
