"""The list of rooms: what each is about, how many are in it, what was said last, and the way in."""

from __future__ import annotations

import json
import re
from contextlib import aclosing

from tests.conftest import Server


async def test_each_room_has_its_last_message_its_people_and_the_way_in(shared_server: Server) -> None:
    async with (
        aclosing(shared_server.let_in("acme", "carla@acme.test")) as carla,
        aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi,
    ):
        made = await carla.post("/chat/new", data={"name": "Binding", "description": "Spines and covers"})
        address = made.headers["location"]
        room = re.search(r'data-room="(\d+)"', (await carla.get(address)).text)
        assert room
        empty = (await davi.get("/chat")).text
        assert f'<span class="last-line" id="room-{room[1]}-last"></span>' in empty
        await carla.post(address, data={"text": "The glue has *come*", "key": "list-1"})
        page = (await davi.get("/chat")).text
        row = page.partition(f'<a href="{address}"><svg')[2].partition("</tr>")[0]
        assert "Spines and covers" in row
        assert f'<span id="room-{room[1]}-count">1</span>' in row
        assert "The glue has come" in row
        assert f'action="{address}/join"' in row
        followed = re.search(r'data-follow="([^"]*line\.[^"]*)"', page)
        assert followed
        assert f"line.{room[1]}" in followed[1].split()

        cursor = re.search(r'data-cursor="(\d+)"', page)
        assert cursor
        async with shared_server.connect("acme", davi) as socket:
            await socket.send(json.dumps({"sub": f"line.{room[1]}", "last": int(cursor[1]), "n": 1}))
            await carla.post(address, data={"text": "And the thread", "key": "list-2"})
            frames = ""
            while "And the thread" not in frames:
                frames += str(await socket.recv())
            assert f'hx-target="#room-{room[1]}-last"' in frames
            await davi.post(f"{address}/join")
            while f'"#room-{room[1]}-count' not in frames:
                frames += str(await socket.recv())
        table = (await davi.get("/chat")).text.partition('class="table rooms"')[2]
        row = table.partition(f'<a href="{address}"><svg')[2].partition("</tr>")[0]
        assert f'<span id="room-{room[1]}-count">2</span>' in row
        assert f'action="{address}/join"' not in row


async def test_a_direct_room_has_the_face_of_the_other(shared_server: Server) -> None:
    async with (
        aclosing(shared_server.let_in("acme", "carla@acme.test")) as carla,
        aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi,
    ):
        chosen = await carla.post("/chat/direct", data={"person": "davi@acme.test"})
        address = chosen.headers["location"]
        for client, name in ((carla, "Davi"), (davi, "Carla")):
            table = (await client.get("/chat")).text.partition('class="table rooms"')[2]
            row = table.partition(f'<a href="{address}">')[2].partition("</a>")[0]
            assert row.startswith('<span class="avatar"'), row
            assert f"<b>{name}</b>" in row


async def test_a_guest_of_no_room_is_told_where_rooms_come_from(server: Server) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana, server.client("acme") as gus:
        invitation = {"uses": "1", "days": "1", "role": "guest", "collection": "Books"}
        made = await ana.post("/members/links", data=invitation)
        token = re.findall(r"/join\?token=([\w-]+)", made.text)[0]
        me = {"name": "Gus", "email": "gus@example.org", "password": "a long enough password"}
        assert (await gus.post("/join", data={"token": token, **me})).status_code == 303
        page = (await gus.get("/chat")).text
        assert "You will find the rooms here that someone adds you to." in page
        assert "You can write to people with whom you share a room." in page
        assert 'action="/chat/direct"' not in page
