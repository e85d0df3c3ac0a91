"""A mention refers to a member, whatever that one is called; a direct room is called after the others."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from html import unescape

import httpx
import pytest

from tests.conftest import Server

People = dict[str, httpx.AsyncClient]
ROOM = "/chat/general"


@pytest.fixture
async def people(server: Server) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno", "carla", "davi")
        }


async def say(client: httpx.AsyncClient, text: str, address: str = ROOM, **more: str) -> int:
    """Post a message; its number."""
    posted = await client.post(address, data={"text": text, "key": f"{address}{text}"[:39], **more})
    assert posted.status_code == 303, posted.text
    return int(re.findall(r'data-number="(\d+)"', (await client.get(f"{address}?at=end")).text)[-1])


async def rename(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.post("/account/name", data={"name": name})).status_code == 303


async def words(client: httpx.AsyncClient, address: str) -> str:
    """What a page says, without its tags."""
    page = await client.get(address)
    assert page.status_code == 200
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


async def typed(client: httpx.AsyncClient, number: int) -> str:
    """The text in the form of a message."""
    page = (await client.get(f"{ROOM}/messages/{number}/edit")).text
    found = re.search(r'<textarea id="field-text"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL)
    assert found
    return unescape(found[1])


async def test_a_mention_is_shown_by_the_name_that_the_member_has_now(server: Server, people: People) -> None:
    ana, bruno, carla = people["ana"], people["bruno"], people["carla"]
    number = await say(ana, "Ask @Bruno, `@Bruno`")
    (message_id,) = re.findall(
        rf'id="message-(\d+)"[^>]*data-number="{number}"', (await ana.get(f"{ROOM}?at=end")).text
    )
    await say(carla, "I did", reply=message_id)
    await rename(bruno, "Zé <b> *da* Silva")
    for address in (ROOM, f"{ROOM}?at=end"):
        page = (await carla.get(address)).text
        assert re.search(r'data-member="2">@Zé &lt;b&gt; \*da\* Silva</span>, <code>@Bruno</code>', page)
        assert "Ask @Zé &lt;b&gt; *da* Silva, @Bruno</a>" in page, "the quote"
    assert "Ask @Zé <b> *da* Silva, @Bruno" in unescape(await words(carla, "/chat/search?q=ask"))
    assert "Ask @Zé <b> *da* Silva, @Bruno" in unescape(await words(bruno, "/notifications"))
    assert await typed(ana, number) == "Ask @Zé <b> *da* Silva, `@Bruno`"

    # Edited, it still is a mention: of the member who was meant, also when the name is another's or was changed again.
    await rename(carla, "Zé <b> *da* Silva")
    await ana.post(f"{ROOM}/messages/{number}/edit", data={"text": "Do ask @Zé <b> *da* Silva"})
    assert [each[0] for each in server.store.rows("SELECT text FROM message_revision")] == [
        "Ask \ufdd02\ufdd1, `@Bruno`"
    ]
    await rename(bruno, "Bruno")
    await rename(carla, "Carla")
    assert await typed(ana, number) == "Do ask @Bruno"
    assert "Ask @Bruno, `@Bruno`" in await words(ana, f"{ROOM}/messages/{number}/history")
    await ana.post(f"{ROOM}/messages/{number}/edit", data={"text": "Please ask @Zé <b> *da* Silva"})
    assert await typed(ana, number) == "Please ask @Bruno"
    before = server.store.rows("SELECT count(*) FROM message_revision")
    await ana.post(f"{ROOM}/messages/{number}/edit", data={"text": "Please ask @Bruno"})
    assert server.store.rows("SELECT count(*) FROM message_revision") == before, "nothing has changed"


async def test_a_direct_room_is_called_after_the_others_everywhere(people: People) -> None:
    ana, davi = people["ana"], people["davi"]
    room = (await ana.post("/chat/direct", data={"person": ["3", "4"]})).headers["location"]
    number = await say(ana, "Hello @Davi", room)
    both = "Ana, Carla, Davi"
    pages = [
        *("/", room, f"{room}/about", f"{room}?at=1", "/chat/search?q=hello", f"/chat/search?room={room[6:]}"),
        *("/notifications", "/chat", f"/jump?q={'a'}"),
    ]
    for address in pages:
        assert both not in await words(davi, address), address
        assert both not in await words(ana, address), address
    for address in pages[:5]:
        assert "Ana, Carla" in await words(davi, address), address
        assert "Carla, Davi" in await words(ana, address), address
    assert "<h1>Ana, Carla</h1>" in (await davi.get(room)).text
    assert "Ana mentioned you in Ana, Carla" in await words(davi, "/notifications")
    for address in (f"{room}/messages/{number}/edit", f"{room}/messages/{number}/history"):
        assert "/ Carla, Davi" in " ".join((await words(ana, address)).split()) or "Carla, Davi" in await words(
            ana, address
        )
    await rename(people["carla"], "Carla B.")
    assert "<h1>Ana, Carla B.</h1>" in (await davi.get(room)).text
