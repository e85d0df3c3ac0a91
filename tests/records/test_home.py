"""The home page: what waits for whom, and what nobody is shown who may not see it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest

from tests.conftest import Server


@pytest.fixture
async def people(server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """People of acme who are signed in, by name; Gil is of another workspace."""
    async with AsyncExitStack() as stack:
        found = {}
        for slug, name in (("acme", "ana"), ("acme", "bruno"), ("acme", "carla"), ("globex", "gil")):
            client = server.let_in(slug, f"{name}@{slug}.test")
            found[name] = await stack.enter_async_context(aclosing(client))
        yield found


async def part_of(client: httpx.AsyncClient, heading: str) -> str:
    """What the home page says under a heading, without marks; '' where it has none."""
    page = (await client.get("/")).text
    for section in re.findall(r"<section[^>]* aria-labelledby=.*?</section>", page, re.DOTALL):
        title = re.search(r"<h2[^>]*>(.*?)</h2>", section, re.DOTALL)
        if title and re.sub("<[^>]+>", "", title[1]).strip() == heading:
            return " ".join(re.sub("<[^>]+>", " ", section).split())
    return ""


async def add_person_field(client: httpx.AsyncClient, slug: str, *, several: bool = False) -> None:
    """Give a collection a field for people."""
    typed = {"kind": "person", "label": "Who"} | ({"several": "yes"} if several else {})
    assert (await client.post(f"/c/{slug}/fields", data=typed)).status_code == 303


async def field_of(client: httpx.AsyncClient, slug: str, label: str) -> str:
    """The name of the input of a field."""
    page = (await client.get(f"/c/{slug}/new")).text
    found = re.search(rf'<label for="field-(f\d+)"[^>]*>\s*{label}', page)
    assert found, f"no {label} in the form"
    return found[1]


async def test_where_nothing_waits_the_page_says_so(people: dict[str, httpx.AsyncClient]) -> None:
    assert "Nothing is waiting for you." in await part_of(people["carla"], "Waiting for you")


async def test_a_draft_waits_for_its_author_alone(people: dict[str, httpx.AsyncClient]) -> None:
    title = await field_of(people["carla"], "books", "Title")
    assert (await people["carla"].post("/c/books/new/draft", data={title: "Half a title"})).status_code in (200, 204)
    assert "Books New record, not added yet" in await part_of(people["carla"], "Waiting for you")
    assert "Books New record" not in await part_of(people["bruno"], "Waiting for you")


async def test_a_mention_waits_until_it_is_read_and_its_room_is_unread(people: dict[str, httpx.AsyncClient]) -> None:
    await people["bruno"].post("/chat/general", data={"text": "The binder called, @Carla", "key": "home-1"})
    assert "Bruno mentioned you in general" in await part_of(people["carla"], "Waiting for you")
    assert "general Bruno: The binder called, @Carla" in await part_of(people["carla"], "Unread messages")
    assert "The binder called" not in (await people["gil"].get("/")).text
    await people["carla"].post("/notifications/read-all", data={"until": "99999"})
    assert "mentioned you" not in await part_of(people["carla"], "Waiting for you")


async def test_a_message_not_sent_waits(people: dict[str, httpx.AsyncClient]) -> None:
    await people["carla"].post("/chat/general/draft", data={"text": "Half a thought", "key": "home-2"})
    assert "general Message, not sent yet" in await part_of(people["carla"], "Waiting for you")


async def test_a_message_not_sent_waits_also_where_one_may_only_read_by_now(
    shared_server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    made = await people["ana"].post("/chat/new", data={"name": "Closed by then"})
    room = made.headers["location"]
    await people["carla"].post(f"{room}/draft", data={"text": "Half a thought", "key": "home-3"})
    (record,) = shared_server.store.rows("SELECT id FROM record WHERE tenant_id = 1 AND number = 9")[0]
    await people["ana"].post(f"/discussion/record-{record}", data={"text": "Torn", "key": "home-4"})
    await people["carla"].post(f"/discussion/record-{record}/draft", data={"text": "By whom", "key": "home-5"})
    await people["ana"].post(f"{room}/archive", data={"archived": "yes"})
    waiting = await part_of(people["carla"], "Waiting for you")
    assert "Closed by then Message, not sent yet" in waiting
    assert waiting.count("Message, not sent yet") >= 2
    page = (await people["carla"].get("/")).text
    assert f'href="{room}"' in page
    assert f'href="/discussion/record-{record}"' in page
    assert "Closed by then Message" not in await part_of(people["bruno"], "Waiting for you")
    await people["carla"].post(f"{room}/draft/discard")
    assert "Closed by then" not in await part_of(people["carla"], "Waiting for you")


@pytest.mark.parametrize("several", [False, True])
async def test_who_is_chosen_in_a_record_is_assigned_to_it(people: dict[str, httpx.AsyncClient], several: bool) -> None:
    await add_person_field(people["ana"], "books", several=several)
    title = await field_of(people["ana"], "books", "Title")
    who = await field_of(people["ana"], "books", "Who")
    chosen = ["#2", "#3"] if several else ["#3"]
    added = await people["ana"].post("/c/books/new", data={title: "Bind it", who: ", ".join(chosen)})
    assert added.status_code == 303, added.text
    assert "Bind it" in await part_of(people["carla"], "Assigned to you")
    assert ("Bind it" in await part_of(people["bruno"], "Assigned to you")) == several
    assert "Bind it" not in await part_of(people["ana"], "Assigned to you")
    closed = {"member-read": ""}
    assert (await people["ana"].post("/c/books/permissions", data=closed)).status_code == 303
    assert "Bind it" not in (await people["carla"].get("/")).text, "who may not read the collection"


async def test_a_change_of_what_one_follows_is_told(people: dict[str, httpx.AsyncClient]) -> None:
    title = await field_of(people["carla"], "books", "Title")
    made = (await people["carla"].post("/c/books/new", data={title: "Mine"})).headers["location"].partition("?")[0]
    deleted = await people["bruno"].post(f"{made}/delete", data={"version": "1"})
    assert deleted.status_code == 303, deleted.text
    assert "Bruno deleted Mine" in await part_of(people["carla"], "Recent changes")


async def test_an_announcement_is_on_the_page_until_it_ends_and_listed_for_members(
    people: dict[str, httpx.AsyncClient],
) -> None:
    made = await people["bruno"].post("/announcements", data={"title": "Closed on Friday", "text": "Inventory."})
    assert made.status_code == 303
    assert "Closed on Friday" in await part_of(people["carla"], "Announcements")
    listed = await people["carla"].get("/announcements")
    assert listed.status_code == 200
    assert "Closed on Friday" in listed.text
    assert "<form" not in listed.text.partition("<main")[2].partition("</main>")[0]
    assert "Closed on Friday" not in (await people["gil"].get("/")).text


async def test_what_is_edited_is_said_with_by_whom(people: dict[str, httpx.AsyncClient]) -> None:
    await people["bruno"].get("/c/books/40/edit", headers={"sec-fetch-site": "same-origin"})
    assert "Dom Casmurro Bruno" in await part_of(people["carla"], "Being edited now")


async def test_a_pinned_collection_is_first_on_the_page_of_its_member_alone(
    people: dict[str, httpx.AsyncClient],
) -> None:
    for name in ("Tasks", "Members of the choir"):
        await people["ana"].post("/collections/new", data={"name": name, "first": "Name"})
    carla = people["carla"]
    assert 'aria-pressed="false"' in (await carla.get("/c/tasks")).text
    assert (await carla.post("/c/tasks/pin", data={"pinned": "yes"})).headers["location"] == "/c/tasks"
    assert 'aria-pressed="true"' in (await carla.get("/c/tasks")).text
    assert await part_of(carla, "Pinned collections") == "Pinned collections Tasks 0 records All collections"
    assert await part_of(people["bruno"], "Pinned collections") == ""
    assert (await people["gil"].post("/c/tasks/pin", data={"pinned": "yes"})).status_code == 404
    await carla.post("/c/tasks/pin", data={"pinned": "yes"})
    await carla.post("/c/tasks/pin", data={"pinned": ""})
    assert await part_of(carla, "Pinned collections") == ""


async def test_a_new_workspace_has_three_steps_that_tick_off_by_themselves(server: Server) -> None:
    server.store.rows("UPDATE collection SET last_number = 0 WHERE tenant_id = 2")
    server.store.rows("UPDATE room SET last_number = 0 WHERE tenant_id = 2")
    async with aclosing(server.let_in("globex", "gil@globex.test")) as gil:
        steps = await part_of(gil, "3 steps to get started")
        assert "1 Create a collection and add your records New collection Add to Books" in steps
        assert "Invite people , done" in steps
        room = (await gil.post("/chat/new", data={"name": "Readers"})).headers["location"]
        await gil.post(room, data={"text": "Hello", "key": "hello"})
        assert "Say hello , done" in await part_of(gil, "3 steps to get started")
        await gil.post("/collections/new", data={"name": "Plants", "first": "Name"})
        assert "add your records Add to Plants Import" in await part_of(gil, "3 steps to get started")
        name = await field_of(gil, "plants", "Name")
        await gil.post("/c/plants/new", data={name: "The first"})
        assert await part_of(gil, "3 steps to get started") == "", "when all is done they are gone"
    async with aclosing(server.let_in("globex", "hana@globex.test")) as hana:
        assert await part_of(hana, "3 steps to get started") == "", "who may not invite"


async def test_a_guest_who_is_in_a_room_alone_is_led_there(server: Server) -> None:
    server.store.rows("UPDATE member SET role = 'guest' WHERE email = 'davi@acme.test'")
    async with aclosing(server.let_in("acme", "davi@acme.test")) as davi:
        page = (await davi.get("/")).text
        assert 'You do not have access to any collection yet. <a class="link" href="/chat">Your rooms</a>' in page
        assert 'href="/chat/general"' in (await davi.get("/chat")).text
