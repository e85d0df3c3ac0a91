"""Someone outside a private room: no page, no frame, no search hit, no file, no card, no count, no change."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest
import websockets
from PIL import Image

from tests.conftest import Server
from tests.test_isolation import TARGETS, Target

SECRET = "The vault opens at noon"
IN_A_ROOM = [target for target in TARGETS if target.path.startswith("/chat/{slug:str}")]


@pytest.fixture
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(shared_server.let_in("acme", f"{name}@acme.test")))
            for name in ("ana", "carla", "davi")
        }


@pytest.fixture
async def vault(people: dict[str, httpx.AsyncClient]) -> dict[str, str]:
    """A private room of Carla's with a message, a card and a picture."""
    made = await people["carla"].post("/chat/new", data={"name": "Vault", "private": "yes"})
    address = made.headers["location"]
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
    brought = await people["carla"].post(f"{address}/files", files={"file": ("plan.png", picture.getvalue())})
    file = re.search(r'name="file" value="(\d+)"', brought.text)
    assert file
    said = await people["carla"].post(address, data={"text": f"{SECRET} #40", "key": address, "file": file[1]})
    assert said.status_code == 303
    page = await people["carla"].get(address)
    assert SECRET in page.text
    room = re.search(r'data-room="(\d+)"', page.text)
    assert room
    return {"address": address, "slug": address.rpartition("/")[2], "file": file[1], "room": room[1], "number": "1"}


@pytest.mark.parametrize("target", IN_A_ROOM, ids=lambda target: f"{target.method} {target.path}")
async def test_each_page_of_the_room_is_not_there(
    people: dict[str, httpx.AsyncClient], vault: dict[str, str], target: Target
) -> None:
    path = target.fill({"slug": vault["slug"], "number": "1"})
    form = {"text": "Let me in", "key": "k", "person": "1", "name": "Mine", "emoji": "👍", "number": "1"}
    for name in ("ana", "davi"):  # not even the owner of the workspace
        answer = await people[name].request(target.method, path, data=None if target.method == "GET" else form)
        assert answer.status_code == 404
        assert "Vault" not in answer.text
    assert (await people["carla"].get(vault["address"])).text.count("Let me in") == 0


async def test_nothing_of_it_is_found_counted_or_served(
    people: dict[str, httpx.AsyncClient], vault: dict[str, str]
) -> None:
    for path in ("/chat/search?q=vault", "/chat", "/", "/c/books/40", "/chat/general"):
        shown = (await people["davi"].get(path)).text
        assert SECRET not in shown
        assert "Vault" not in shown
    hidden = await people["davi"].get(f"/chat/search?q=vault&room={vault['slug']}")
    absent = await people["davi"].get("/chat/search?q=vault&room=nowhere")
    assert hidden.status_code == absent.status_code == 422
    assert "There is no room with this name." in hidden.text
    assert SECRET not in hidden.text
    assert SECRET in (await people["carla"].get("/chat/search?q=vault")).text.replace("<mark>", "").replace(
        "</mark>", ""
    )
    for path in (f"/files/{vault['file']}", f"/files/{vault['file']}/preview"):
        assert (await people["davi"].get(path)).status_code == 404
        assert (await people["carla"].get(path)).status_code == 200


async def test_its_channels_are_refused_and_no_frame_comes(
    shared_server: Server, people: dict[str, httpx.AsyncClient], vault: dict[str, str]
) -> None:
    async with shared_server.connect("acme", people["davi"]) as socket:
        room = vault["room"]
        channels = f"tenant count.1 room.{room} news.{room} line.{room}"
        await socket.send(json.dumps({"sub": channels, "last": 10**9, "n": 1}))
        answer = str(await socket.recv())
        assert f"refused:room.{room}" in answer
        assert f"refused:news.{room}" in answer
        assert f"refused:line.{room}" in answer
        await people["carla"].post(vault["address"], data={"text": "Another secret", "key": f"{vault['slug']} 2"})
        await people["carla"].post("/collections/none", data={})
        await people["ana"].post("/c/books/new", data={"title": "A mark in the log"})
        frames = ""
        while "collection" not in frames:  # the count of books
            frames += str(await socket.recv())
        assert "secret" not in frames
        assert f"room-{room}" not in frames


async def test_who_is_removed_is_cut_off_in_the_same_moment(
    shared_server: Server, people: dict[str, httpx.AsyncClient], vault: dict[str, str]
) -> None:
    offered = (await people["carla"].get(f"/choices/people?q=davi&outside={vault['slug']}")).json()
    (davi,) = [choice["value"] for choice in offered]
    await people["carla"].post(f"{vault['address']}/invite", data={"person": davi})
    page = await people["davi"].get(vault["address"])
    cursor = re.search(r'data-cursor="(\d+)"', page.text)
    assert cursor
    async with shared_server.connect("acme", people["davi"]) as socket:
        own = " ".join(f"{what}.{vault['room']}" for what in ("room", "news", "line"))
        channels = f"tenant count.1 user.{davi} {own}"
        await socket.send(json.dumps({"sub": channels, "last": int(cursor[1]), "n": 1}))
        await people["carla"].post(vault["address"], data={"text": "Still for Davi", "key": f"{vault['slug']} 3"})
        frames = ""
        while "Still for Davi" not in frames:
            frames += str(await socket.recv())
        await people["carla"].post(f"{vault['address']}/remove", data={"person": davi.removeprefix("#")})
        await people["carla"].post(vault["address"], data={"text": "Not for Davi", "key": f"{vault['slug']} 4"})
        await people["ana"].post("/c/books/new", data={"title": "Another mark"})
        frames = ""
        while "collection" not in frames:
            frames += str(await socket.recv())
        assert "Not for Davi" not in frames
        assert f'data-room="{vault["room"]}"' not in frames.partition('id="rooms"')[0]
    with pytest.raises(websockets.ConnectionClosed):
        await socket.recv()
