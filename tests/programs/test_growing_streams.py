"""A stream that names no channels follows all that there is for its member: also what comes to be while it is open."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import httpx
import pytest

from tests.programs.conftest import API, LetIn
from tests.programs.following import EVENTS, Stream, Told, streaming

ROOMS = f"{API}/rooms"


@pytest.fixture
async def ana(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in("ana@acme.test")


@pytest.fixture
async def carla(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in("carla@acme.test")


async def make(program: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await program.post(f"{API}{path}", json=body)
    assert answer.status_code in (200, 201), answer.text
    made: dict[str, Any] = answer.json()
    return made


async def find(stream: Stream, kind: str) -> Told:
    """The next fact of a kind."""
    while True:
        told = await stream.until("message")
        if told.data["kind"] == kind:
            return told


async def test_a_collection_that_is_made_and_its_records_come_on_open_streams(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    async with streaming(carla) as stream:
        await stream.until("begin")
        made = await make(ana, "/collections", name=f"Lamps {secrets.token_hex(3)}", first="Name")
        told = await find(stream, "collection.added")
        assert told.data["channel"] == made["channel"], "also the first that is told of it"
        await make(ana, f"/collections/{made['slug']}/records", values={"name": "A lantern"})
        assert (await find(stream, "record.created")).data["channel"] == made["channel"]
        await ana.delete(f"{API}/collections/{made['slug']}")
        await ana.post(f"{API}/collections/{made['slug']}/restore")
        await make(ana, f"/collections/{made['slug']}/records", values={"name": "Another lantern"})
        assert (await find(stream, "record.created")).data["channel"] == made["channel"], "and when it is back"


async def test_rooms_that_one_comes_into_come_on_open_streams_and_others_do_not(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    people = {each["name"]: each["id"] for each in (await ana.get(f"{API}/members")).json()["items"]}
    async with streaming(carla) as stream:
        await stream.until("begin")
        private = await make(ana, "/rooms", name="Ours", private=True)
        await make(ana, f"/rooms/{private['slug']}/messages", text="Before she is here")
        await make(ana, f"/rooms/{private['slug']}/members", member_id=people["Carla"])
        await make(ana, f"/rooms/{private['slug']}/messages", text="Welcome")
        assert (await find(stream, "room.entered")).data["data"]["member"] == people["Carla"]
        assert (await find(stream, "message.posted")).data["data"]["number"] == 2, "from when she is in it"
        direct = await make(ana, "/rooms/direct", member_ids=[people["Carla"]])
        await make(ana, f"/rooms/{direct['slug']}/messages", text="To you")
        while (told := await find(stream, "message.posted")).data["channel"] != direct["channel"]:
            pass
        await carla.delete(f"{ROOMS}/{private['slug']}/membership")
        await make(ana, f"/rooms/{private['slug']}/messages", text="Without her")
        await make(ana, f"/rooms/{direct['slug']}/messages", text="To you again")
        told = await find(stream, "message.posted")
        assert told.data["channel"] == direct["channel"]


async def test_each_fact_comes_once_while_much_is_made(ana: httpx.AsyncClient, carla: httpx.AsyncClient) -> None:
    begin = (await carla.get(EVENTS)).json()["next"]
    got: list[int] = []
    async with streaming(carla, last=begin) as stream:
        await stream.until("begin")

        async def write(count: int) -> None:
            room = await make(carla, "/rooms", name=f"Room {count}")
            for _ in range(3):
                await make(ana, f"/rooms/{room['slug']}/messages", text="One of many")

        await asyncio.gather(*(write(count) for count in range(6)))
        made = await make(ana, "/collections", name=f"Last {secrets.token_hex(3)}", first="Name")
        while True:
            told = await stream.until("message")
            got.append(told.cursor or 0)
            if told.data["channel"] == made["channel"]:
                break
    after, logged = begin, []
    while len(part := (await carla.get(EVENTS, params={"after": after, "limit": 200})).json()["items"]):
        logged += [each["cursor"] for each in part]
        after = logged[-1]
    assert got == [each for each in logged if each <= got[-1]]
    assert got == sorted(set(got))


async def test_a_long_poll_that_waits_learns_of_a_new_room(ana: httpx.AsyncClient, carla: httpx.AsyncClient) -> None:
    people = {each["name"]: each["id"] for each in (await ana.get(f"{API}/members")).json()["items"]}
    begin = (await carla.get(EVENTS)).json()["next"]
    waiting = asyncio.create_task(carla.get(EVENTS, params={"after": begin, "wait": 15}))
    await asyncio.sleep(0)
    room = await make(ana, "/rooms", name="Awaited", private=True)
    await make(ana, f"/rooms/{room['slug']}/members", member_id=people["Carla"])
    told = (await waiting).json()
    assert told["items"][-1]["kind"] == "room.entered"
    assert room["channel"] in told["channels"]


async def test_a_stream_that_names_its_channels_stays_with_them(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    books = (await carla.get(f"{API}/collections/books")).json()["channel"]
    async with streaming(carla, channels=books) as stream:
        await stream.until("begin")
        await make(ana, "/collections", name=f"Not hers {secrets.token_hex(3)}", first="Name")
        await make(ana, "/collections/books/records", values={"title": "Hers", "author": "Someone"})
        told = await stream.next()
        assert (told.name, told.data["kind"]) == ("message", "record.created"), "and is not asked anew"
