"""Bots are marked as such wherever people are shown, and what one says wakes no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

from tests.conftest import Server
from tests.gateway.conftest import add_app
from tests.programs.conftest import call_with


def add_bot(server: Server, name: str) -> tuple[int, str]:
    """The id of the bot of a new app, and its token."""
    app = add_app(
        server, "acme", "--scope", "chat:write", "--scope", "people:read", "--scope", "notifications:read", name=name
    )
    ((number,),) = server.store.rows("SELECT id FROM member WHERE bot AND name = ?", name)
    return int(number), str(app["token"])


@asynccontextmanager
async def bot(server: Server, secret: str) -> AsyncIterator[Any]:
    async with aclosing(call_with(server, "acme", secret)) as client:
        yield client


async def test_a_bot_posts_with_its_token_and_is_marked_where_people_are_shown(shared_server: Server) -> None:
    _, secret = add_bot(shared_server, "Helper")
    async with bot(shared_server, secret) as client, aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
        said = await client.post("/api/v1/rooms/general/messages", json={"text": "Done"})
        assert said.status_code == 201, said.text
        assert said.json()["bot"] is True
        people = (await client.get("/api/v1/members")).json()["items"]
        assert {each["name"] for each in people if each["bot"]} >= {"Helper"}
        assert next(each for each in people if each["name"] == "Ana")["bot"] is False
        assert 'Helper</b> <span class="tag">bot</span>' in (await ana.get("/chat/general")).text
        about = (await ana.get("/chat/general/about?q=Helper")).text
        assert '<span class="tag">bot</span>' in about
        members = (await ana.get("/members?q=Helper")).text
        assert '<span class="tag">bot</span>' in members
        named = await client.post("/api/v1/rooms/general/messages", json={"text": "@Helper is me"})
        assert named.status_code == 201


async def test_what_a_bot_says_wakes_no_bot(shared_server: Server) -> None:
    _, first_secret = add_bot(shared_server, "First bot")
    second, second_secret = add_bot(shared_server, "Second bot")
    mentioned = "SELECT html FROM message ORDER BY id DESC LIMIT 1"
    async with (
        bot(shared_server, first_secret) as one,
        bot(shared_server, second_secret) as two,
        aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana,
    ):
        room = "/api/v1/rooms/general/messages"
        said = (await two.post(room, json={"text": "Hello"})).json()
        for text in ("@Second bot, go on", "@all go on"):
            posted = await one.post(room, json={"text": text, "reply_to": said["number"]})
            assert posted.status_code == 201, posted.text
            assert f'data-member="{second}"' not in str(shared_server.store.rows(mentioned))
        assert shared_server.store.rows("SELECT count(*) FROM notification WHERE member_id = ?", second) == [(0,)]
        said = await ana.post("/chat/general", data={"text": "@Second bot, please", "key": "k" * 20})
        assert said.status_code in (200, 303), said.text
        assert f'data-member="{second}"' in str(shared_server.store.rows(mentioned)), "a person mentions one"


async def test_what_a_bot_has_done_says_that_it_was_one(shared_server: Server) -> None:
    _, secret = add_bot(shared_server, "Davi")
    async with bot(shared_server, secret) as client, aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
        said = await client.post("/api/v1/rooms/general/messages", json={"text": "@Ana it is done"})
        assert said.status_code == 201, said.text
        assert "<b>Davi (bot)</b> mentioned you" in (await ana.get("/notifications")).text
        members = (await ana.get("/members?q=Davi")).text
        assert "<small>None</small>" not in members
