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


async def open_form(client: httpx.AsyncClient, number: int) -> dict[str, str]:
    """What the form of a message would send, as it is shown now."""
    page = (await client.get(f"{ROOM}/messages/{number}/edit")).text
    hidden = re.findall(r'<input type="hidden" name="(edits|named)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in hidden} | {"text": await typed(client, number)}


async def save(client: httpx.AsyncClient, number: int, form: dict[str, str], text: str) -> None:
    saved = await client.post(f"{ROOM}/messages/{number}/edit", data={**form, "text": text})
    assert saved.status_code == 303, saved.text


def stored(server: Server) -> str:
    """The newest message as it is stored, its mentions as <2>."""
    text: str = server.store.rows("SELECT text FROM message ORDER BY id DESC LIMIT 1")[0][0]
    return text.replace("\ufdd0", "<").replace("\ufdd1", ">")


async def test_two_who_have_one_name_by_now_stay_two_in_a_message_that_is_edited(
    server: Server, people: People
) -> None:
    ana = people["ana"]
    number = await say(ana, "@Bruno and @Carla, `@Bruno`, ask @Davi")
    await rename(people["bruno"], "Zé")
    await rename(people["carla"], "Zé")
    form = await open_form(ana, number)
    assert form["text"] == "@Zé and @Zé, `@Bruno`, ask @Davi"
    await save(ana, number, form, form["text"])
    assert stored(server) == "<2> and <3>, `@Bruno`, ask <4>", "nothing has changed"
    for text, now in (
        ("@Zé and @Zé, `@Bruno`, do ask @Davi", "<2> and <3>, `@Bruno`, do ask <4>"),
        ("Both: @zé and @Zé, do ask @Davi", "Both: <2> and <3>, do ask <4>"),
        ("Both, @Zé and (@Zé), do ask @Davi!", "Both, <2> and (<3>), do ask <4>!"),
        ("Both, @Zé and (@Zé), do ask Davi!", "Both, <2> and (<3>), do ask Davi!"),
        ("(@Zé), do ask Davi!", "(<3>), do ask Davi!"),
    ):
        await save(ana, number, await open_form(ana, number), text)
        assert stored(server) == now


async def test_who_is_renamed_while_a_message_is_edited_stays_mentioned(server: Server, people: People) -> None:
    ana, bruno = people["ana"], people["bruno"]
    number = await say(ana, "Ask @Bruno and *@Carla*")
    await rename(bruno, "Bruno Lima")
    form = await open_form(ana, number)
    for name in ("Bruno da Silva", "Bruno Silva"):
        await rename(bruno, name)
    await rename(people["carla"], "Bruno Lima")
    await save(ana, number, form, "Do ask *@Carla* and @Bruno Lima, @Ana")
    assert stored(server) == "Do ask *<3>* and <2>, <1>"
    await save(ana, number, form | {"edits": "1"}, "@Bruno Lima")
    assert stored(server) == "<2>"
    # Only whom the message mentions can be meant by what a form carries.
    await save(ana, number, {"named": '{"4": "Nobody", "2": 7, "x": "y"}'}, "Ask @Nobody")
    await save(ana, number, {"named": "[" * 50_000}, "Ask @Nobody now")
    assert stored(server) == "Ask @Nobody now"


async def test_a_message_can_be_saved_however_long_the_names_in_it_are_by_now(server: Server, people: People) -> None:
    ana, bruno = people["ana"], people["bruno"]
    await rename(bruno, "Bo")
    number = await say(ana, "@Bo, " * 1_599)
    await rename(bruno, "😀" * 80)
    form = await open_form(ana, number)
    assert len(form["text"]) <= 8_000, "what the page counts"
    await save(ana, number, form, f"{form['text']} x")
    assert stored(server) == "<2>, " * 1_598 + "<2>, x"
    assert "😀" * 80 in await words(ana, f"{ROOM}/messages/{number}/history")


async def test_a_direct_room_is_called_after_the_others_everywhere(people: People) -> None:
    ana, davi = people["ana"], people["davi"]
    room = (await ana.post("/chat/direct", data={"person": ["#3", "#4"]})).headers["location"]
    number = await say(ana, "Hello @Davi", room)
    both = "Ana, Carla, Davi"
    pages = [
        *("/", room, f"{room}/about", f"{room}?at=1", "/chat/search?q=hello", f"/chat/search?room={room[6:]}"),
        *("/notifications", "/chat", f"/quick-switcher?q={'a'}"),
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
