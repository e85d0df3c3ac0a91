"""A program that follows the stream, as anybody would write one with a reader of lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.conftest import Server
from tests.programs.conftest import API

EVENTS = f"{API}/events"
STREAM = {"accept": "text/event-stream"}


@dataclass
class Told:
    """One event of a stream."""

    name: str
    cursor: int | None
    data: Any


async def read_told(answer: httpx.Response) -> AsyncIterator[Told]:
    """The events of a stream, comments left out; one that only says where it is, with no name and data."""
    name, cursor, data = "message", None, ""
    async for line in answer.aiter_lines():
        if line:
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "id":
                cursor = int(value)
            elif key == "data":
                data += value
        elif data:
            yield Told(name, cursor, json.loads(data))
            name, cursor, data = "message", None, ""
        else:
            yield Told("", cursor, None)
            name, cursor, data = "message", None, ""


class Stream:
    """An open stream, and what it has told."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.told = read_told(answer)

    async def next(self) -> Told:
        """The next event that says something."""
        async with asyncio.timeout(15):
            async for told in self.told:
                if told.name:
                    return told
        raise EOFError

    async def until(self, name: str) -> Told:
        """The next event of a name."""
        while (told := await self.next()).name != name:
            pass
        return told


@asynccontextmanager
async def streaming(client: httpx.AsyncClient, last: int | None = None, **parameters: Any) -> AsyncIterator[Stream]:
    """A stream that is open while the block runs; from a cursor on, if one was the last."""
    headers = STREAM if last is None else {**STREAM, "last-event-id": str(last)}
    async with client.stream("GET", EVENTS, params=parameters, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        yield Stream(answer)


@dataclass
class Consumer:
    """A program that follows for good: it keeps what it got, and comes back with its cursor."""

    client: httpx.AsyncClient
    channels: str
    cursor: int | None = None
    got: list[tuple[int, str]] = field(default_factory=list)
    gaps: int = 0
    begins: int = 0
    ends: list[str] = field(default_factory=list)
    living: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.living = asyncio.create_task(self.follow())

    async def stop(self) -> None:
        assert self.living
        self.living.cancel()
        await asyncio.gather(self.living, return_exceptions=True)

    async def follow(self) -> None:
        """Follow through whatever happens, until cancelled."""
        while True:
            with suppress(httpx.HTTPError):
                async with self.client.stream(
                    "GET",
                    EVENTS,
                    params={"channels": self.channels},
                    headers=STREAM if self.cursor is None else {**STREAM, "last-event-id": str(self.cursor)},
                ) as answer:
                    if answer.status_code == 200:
                        async for told in read_told(answer):
                            self.take(told)
            await asyncio.sleep(0.05)  # the server is being started again

    def take(self, told: Told) -> None:
        if told.name == "message":
            self.got.append((told.data["cursor"], told.data["kind"]))
        self.gaps += told.name == "gap"
        self.begins += told.name == "begin"
        if told.name == "end":
            self.ends.append(told.data["reason"])
        if told.cursor is not None:
            self.cursor = told.cursor

    async def until_at(self, cursor: int) -> None:
        async with asyncio.timeout(40):
            while True:
                if (self.cursor or 0) >= cursor:
                    return
                await asyncio.sleep(0.02)


@dataclass
class Poller(Consumer):
    """Likewise one that asks again and again, and waits for something each time."""

    async def follow(self) -> None:
        """Ask through whatever happens, until cancelled."""
        while True:
            with suppress(httpx.HTTPError):
                asked = {"channels": self.channels, "wait": 20, "after": self.cursor}
                answer = await self.client.get(EVENTS, params=asked)
                if answer.status_code == 200:
                    said = answer.json()
                    self.got += [(each["cursor"], each["kind"]) for each in said["items"]]
                    self.gaps += said["gap"] is not None
                    self.cursor = said["next"]
                    continue
            await asyncio.sleep(0.05)


def list_logged(server: Server, channels: str, after: int = 0, tenant_id: int = 1) -> list[tuple[int, str]]:
    """The facts of the log on some channels."""
    names = channels.split(",")
    places = ", ".join("?" * len(names))
    rows = server.store.rows(
        f"SELECT cursor, kind FROM event WHERE tenant_id = ? AND cursor > ? AND kind IS NOT NULL"
        f" AND channel IN ({places}) ORDER BY cursor",
        *(tenant_id, after, *names),
    )
    return [(int(cursor), str(kind)) for cursor, kind in rows]


def read_log_cursor(server: Server, tenant_id: int = 1) -> int:
    """Where a workspace's log is."""
    return int(server.store.rows("SELECT cursor FROM tenant WHERE id = ?", tenant_id)[0][0])
