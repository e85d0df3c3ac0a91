"""What people are told, by real requests: whom, of what, and until when."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import httpx
import pytest
import websockets

from tests.conftest import Server

People = dict[str, httpx.AsyncClient]


@pytest.fixture
async def people(server: Server) -> AsyncIterator[People]:
    """Everybody of the demo, signed in to a server of their own."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(await server.sign_in(slug, f"{name}@{slug}.test")))
            for name, slug in (
                *(("ana", "acme"), ("bruno", "acme"), ("carla", "acme"), ("davi", "acme")),
                *(("gil", "globex"), ("hana", "globex")),
            )
        }


async def unread(client: httpx.AsyncClient, path: str = "/c/books?q=nothing") -> int:
    """What the bell says."""
    found = re.search(r'data-unread="(\d+)"', (await client.get(path)).text)
    assert found
    return int(found[1])


async def until_unread(client: httpx.AsyncClient, count: int) -> None:
    """Wait until the bell says so: what opening a page reads is written when the page was answered."""
    async with asyncio.timeout(10):
        while True:
            if await unread(client) == count:
                return
            await asyncio.sleep(0.02)


async def listed(client: httpx.AsyncClient, query: str = "") -> str:
    """The words of the inbox, without its tags."""
    page = (await client.get(f"/notifications{query}")).text
    found = re.search(r'<ol class="card notifications">(.*)</ol>', page, re.S)
    return " ".join(re.sub(r"<[^>]+>", "", found[1]).split()) if found else ""


async def edit(client: httpx.AsyncClient, number: int, version: int, **values: str) -> None:
    typed = {"title": "Dom Casmurro", "version": str(version), **values}
    answer = await client.post(f"/c/books/{number}/edit", data=typed)
    assert answer.status_code == 303, answer.text


async def say(client: httpx.AsyncClient, address: str, text: str, **more: str) -> None:
    answer = await client.post(address, data={"text": text, "key": f"{address}{text}"[:39], **more})
    assert answer.status_code == 303, answer.text


async def version_of(client: httpx.AsyncClient, number: int) -> int:
    found = re.search(r'data-version="(\d+)"', (await client.get(f"/c/books/{number}")).text)
    assert found
    return int(found[1])


def rows(server: Server, statement: str) -> list[Any]:
    return server.store.rows(statement)


async def test_admins_are_told_which_fields_were_changed_and_nobody_of_their_own_changes(people: People) -> None:
    version = await version_of(people["carla"], 3)
    await edit(people["bruno"], 3, version, title="Hamlet", status="Lost", notes="Not found")
    assert "Bruno changed Hamlet: " in await listed(people["ana"])
    assert "Status" in await listed(people["ana"])
    assert "Notes" in await listed(people["ana"])
    assert await unread(people["bruno"]) == 0
    assert await unread(people["ana"]) == 1
    # Carla has added it (the demo's third book), and Davi is concerned by nothing of it.
    assert await unread(people["carla"]) == 1
    assert await unread(people["davi"]) == 0
    assert [await unread(people[name]) for name in ("gil", "hana")] == [0, 0]


async def test_several_changes_are_one_row_and_opening_the_record_reads_them(people: People) -> None:
    version = await version_of(people["carla"], 40)
    for step in range(5):
        await edit(people["bruno"], 40, version + step, notes=f"Word {step}")
    assert await unread(people["ana"]) == 5
    assert "5 changes to Dom Casmurro" in await listed(people["ana"])
    await people["ana"].get("/c/books/40")
    await until_unread(people["ana"], 0)
    assert "6 changes to Dom Casmurro" in await listed(people["ana"])  # one is of the demo
    assert await listed(people["ana"], "?show=unread") == ""


async def test_who_follows_is_told_and_who_unfollows_is_not(people: People) -> None:
    davi = people["davi"]
    assert (await davi.post("/follow/record-3")).headers["location"] == "/c/books/3"
    assert "/unfollow/" in (await davi.get("/c/books/3")).text
    version = await version_of(davi, 3)
    await edit(people["ana"], 3, version, title="Hamlet", notes="One")
    assert "Ana changed Hamlet: " in await listed(davi)
    assert await unread(davi) == 1
    await davi.post("/unfollow/record-3")
    await edit(people["ana"], 3, await version_of(people["ana"], 3), title="Hamlet", notes="Two")
    await davi.get("/c/books/3")
    await until_unread(davi, 0)  # opening the record has read the first
    await people["carla"].post("/unfollow/record-3")  # she has added it, and wants to hear no more
    before = await unread(people["carla"])
    await edit(people["ana"], 3, await version_of(people["ana"], 3), title="Hamlet", notes="Three")
    assert await unread(people["carla"]) == before


async def test_a_mention_an_answer_a_direct_message_and_a_discussion_each_tell_once(people: People) -> None:
    await say(people["ana"], "/chat/general", "Look, @Carla")
    assert "Ana mentioned you in general" in await listed(people["carla"])
    assert "Look, @Carla" in await listed(people["carla"])
    assert [await unread(people[name]) for name in ("ana", "bruno", "davi", "gil")] == [0, 0, 0, 0]
    page = (await people["carla"].get("/chat/general")).text
    message = re.findall(r'id="message-(\d+)"', page)[-1]
    await say(people["davi"], "/chat/general", "Yes, @Carla", reply=message)
    assert "Davi replied to you in general" in await listed(people["ana"])
    assert await unread(people["carla"]) == 2
    direct = await people["ana"].post("/chat/direct", data={"person": "#4"})
    await say(people["ana"], direct.headers["location"], "Only for you")
    assert "Ana sent you a message" in await listed(people["davi"])
    assert await unread(people["bruno"]) == 0
    await say(people["davi"], "/discussion/record-3", "Where is it?")
    assert "Davi wrote about Hamlet" in await listed(people["carla"])


async def test_reading_a_room_reads_what_was_told_of_it_and_deleting_takes_it_back(people: People) -> None:
    carla = people["carla"]
    for text in ("First @Carla", "Second @Carla", "Third @Carla"):
        await say(people["ana"], "/chat/general", text)
    assert await unread(carla) == 3
    found = re.findall(r'data-number="(\d+)"', (await people["ana"].get("/chat/general")).text)
    third, second = int(found[-1]), int(found[-2])
    await carla.post("/chat/general/read", data={"number": str(second)})
    assert await unread(carla) == 1
    await people["ana"].post(f"/chat/general/messages/{third}/delete")
    assert await unread(carla) == 0
    assert "Third" not in await listed(carla)


async def test_an_edit_tells_whom_it_mentions_for_the_first_time_and_takes_back_what_others_were_told(
    server: Server, people: People
) -> None:
    ana, carla, davi = (people[name] for name in ("ana", "carla", "davi"))
    await say(ana, "/chat/general", "Look, @Bruno")
    number = int(re.findall(r'data-number="(\d+)"', (await ana.get("/chat/general")).text)[-1])

    async def change(text: str) -> list[int]:
        answer = await ana.post(f"/chat/general/messages/{number}/edit", data={"text": text})
        assert answer.status_code == 303, answer.text
        return [await unread(people[name]) for name in ("ana", "bruno", "carla", "davi")]

    waiting = "SELECT count(*) FROM notification WHERE kind = 'mention' AND mail_at IS NOT NULL"
    assert (await unread(people["bruno"]), rows(server, waiting)) == (1, [(1,)])
    assert await change("Look, @Carla") == [0, 0, 1, 0]
    assert rows(server, waiting) == [(1,)]
    assert "Look, @Carla" in await listed(carla)
    assert "mentioned you" not in await listed(people["bruno"])
    assert await change("Look again, @Carla") == [0, 0, 1, 0]
    assert "Look again, @Carla" in await listed(carla)
    assert await change("> Look, @Bruno\n\n`@Davi` and @Carla") == [0, 0, 1, 0]
    assert await change("All of @room") == [0, 1, 1, 1]
    assert await change("Nobody") == [0, 0, 0, 0]
    assert rows(server, waiting) == [(0,)]
    # Who read it before being mentioned is told; who was told for another reason, of which some is left, is told once.
    direct = (await ana.post("/chat/direct", data={"person": "#4"})).headers["location"]
    await say(ana, direct, "Well")
    for text, words in (("Well, @Davi", "Ana mentioned you in Ana"), ("Well", "Ana sent you a message")):
        await ana.post(f"{direct}/messages/1/edit", data={"text": text})
        assert await unread(davi) == 1
        assert words in await listed(davi)
    await davi.post(f"{direct}/read", data={"number": "1"})
    assert await unread(davi) == 0
    await ana.post(f"{direct}/messages/1/edit", data={"text": "Well, @Davi?"})
    assert await unread(davi) == 1


async def test_who_is_quoted_is_told_nothing(people: People) -> None:
    await say(people["ana"], "/chat/general", "> Look, @Bruno and @room\n\n`@Carla`, who said that?")
    assert [await unread(people[name]) for name in ("ana", "bruno", "carla", "davi")] == [0, 0, 0, 0]


async def test_marking_all_read_leaves_what_came_after_the_page(people: People) -> None:
    carla = people["carla"]
    await say(people["ana"], "/chat/general", "One @Carla")
    page = (await carla.get("/notifications")).text
    until = re.search(r'action="/notifications/read-all"[^>]*>.*?name="until" value="(\d+)"', page)
    assert until
    await say(people["ana"], "/chat/general", "Two @Carla")
    await carla.post("/notifications/read-all", data={"until": until[1]})
    assert await unread(carla) == 1
    assert "Two @Carla" in await listed(carla, "?show=unread")


async def test_a_reason_and_a_subject_can_be_muted(people: People) -> None:
    carla, ana = people["carla"], people["ana"]
    await say(ana, "/chat/general", "One @Carla")
    await carla.post("/notifications/mute-kind", data={"kind": "mention"})
    assert await unread(carla) == 0
    await say(ana, "/chat/general", "Two @Carla")
    assert await unread(carla) == 0
    await carla.post("/follow/record-40")
    await carla.post("/notifications/mute", data={"subject": "record-40"})
    await edit(ana, 40, await version_of(ana, 40), notes="Quiet")
    assert await unread(carla) == 0
    assert "Unmute" in (await carla.get("/notifications/preferences")).text
    await carla.post("/notifications/mute", data={"subject": "record-40"})  # again, to no effect
    await carla.post("/notifications/unmute", data={"subject": "record-40"})
    await edit(ana, 40, await version_of(ana, 40), notes="Loud")
    assert await unread(carla) == 1
    assert (await carla.post("/notifications/mute-kind", data={"kind": "role"})).status_code == 404


async def test_who_is_taken_out_of_a_room_loses_what_was_told_of_it(server: Server, people: People) -> None:
    room = (await people["ana"].post("/chat/new", data={"name": "Vault", "private": "yes"})).headers["location"]
    await people["ana"].post(f"{room}/invite", data={"person": "#3"})
    await say(people["ana"], room, "The plan, @Carla and @Davi")
    assert "Ana added you to Vault" in await listed(people["carla"])
    assert await unread(people["carla"]) == 2
    assert await unread(people["davi"]) == 0  # he is not in the room
    await people["ana"].post(f"{room}/remove", data={"person": "3"})
    assert await unread(people["carla"]) == 0
    assert "Vault" not in await listed(people["carla"])


# A tab that nobody sees, a browser that looks ahead, and a page of another site.
UNSEEN = (
    {"x-refresh": "refresh hidden"},
    {"sec-purpose": "prefetch"},
    {"purpose": "prefetch"},
    {"sec-fetch-site": "same-site", "sec-fetch-dest": "image"},
    {"sec-fetch-site": "same-site", "sec-fetch-dest": "iframe"},
    {"sec-fetch-site": "same-site", "sec-fetch-dest": "empty"},
)


async def test_looking_at_the_thing_reads_what_was_told_of_it(server: Server, people: People) -> None:
    """A newcomer in the list of members, the own role in the account, a room that one was brought into."""
    ana, carla = people["ana"], people["carla"]
    added = server.run("member", "add", "acme", "eva@acme.test", "--name", "Eva", "--password", "a long password")
    assert added.returncode == 0, added.stderr
    await ana.post("/members/3/role", data={"role": "admin"})
    room = (await ana.post("/chat/new", data={"name": "Vault", "private": "yes"})).headers["location"]
    await ana.post(f"{room}/invite", data={"person": "#3"})
    assert await unread(carla) == 3
    for path, left in (("/members", 2), ("/account", 1), (room, 0)):
        for unseen in UNSEEN:
            await carla.get(path, headers=unseen)
            assert await unread(carla) == left + 1
        # A link in a mail that is read in another site.
        await carla.get(path, headers={"sec-fetch-site": "cross-site", "sec-fetch-dest": "document"})
        await until_unread(carla, left)


async def test_a_part_of_a_page_reads_only_the_kind_that_it_shows(people: People) -> None:
    carla = people["carla"]
    await carla.post("/follow/record-3")
    await edit(people["ana"], 3, await version_of(people["ana"], 3), title="Hamlet", notes="One")
    await carla.get("/c/books/3/edit", headers={"hx-request": "true"})
    await people["ana"].get("/c/books/3/edit", headers={"hx-request": "true"})
    await people["ana"].post("/c/books/3/lock/ask")
    assert await unread(carla) == 2
    await carla.post("/notifications/read", data={"subject": "record-3", "kind": "record-asked"})
    assert await unread(carla) == 1
    assert "Ana changed Hamlet" in await listed(carla, "?show=unread")


async def test_a_newcomer_is_announced_to_everybody(server: Server, people: People) -> None:
    added = server.run("member", "add", "acme", "eva@acme.test", "--name", "Eva", "--password", "a long password")
    assert added.returncode == 0, added.stderr
    for name in ("ana", "bruno", "carla", "davi"):
        assert "Eva joined the workspace" in await listed(people[name])
    assert await unread(people["gil"]) == 0


async def test_an_announcement_that_must_be_acknowledged_stays_unread_until_then(people: People) -> None:
    ana, carla = people["ana"], people["carla"]
    assert (await carla.post("/announcements", data={"title": "Mine"})).status_code == 403
    typed = {"title": "Stocktaking", "text": "On **Friday**\nall day", "acknowledge": "yes", "ends_at": "2999-01-31"}
    assert (await ana.post("/announcements", data=typed)).status_code == 303
    assert "Ana announced: Stocktaking" in await listed(carla)
    assert await unread(ana) == 0
    await carla.post("/notifications/read-all", data={"until": "999999"})
    page = await carla.get("/announcements/1")
    assert "Acknowledge" in page.text
    assert "<p>On <strong>Friday</strong><br>\nall day</p>" in page.text
    assert '<a href="/announcements">Announcements</a></p>' in page.text
    assert "On Friday all day" in await listed(carla)
    assert await unread(carla) == 1
    await carla.post("/announcements/1/acknowledge")
    assert await unread(carla) == 0
    assert "not yet" in (await ana.get("/announcements/1")).text
    await ana.post("/announcements/1/withdraw")
    assert await unread(people["davi"]) == 0
    assert (await carla.get("/announcements/1")).status_code == 404
    await ana.post("/announcements", data={"title": "Another", "acknowledge": "yes"})
    assert (await carla.post("/announcements/1/acknowledge")).status_code == 404
    assert await unread(carla) == 1


async def test_what_must_be_acknowledged_comes_to_who_wants_no_announcements(people: People) -> None:
    ana, carla = people["ana"], people["carla"]
    await carla.post("/notifications/preferences", data={"time_zone": "UTC", "mail-announcement": "never"})
    await ana.post("/announcements", data={"title": "Not for her"})
    assert await unread(carla) == 0
    await ana.post("/announcements", data={"title": "For everybody", "acknowledge": "yes"})
    assert await unread(carla) == 1
    assert "Carla <small>not yet" in (await ana.get("/announcements/2")).text


async def test_an_announcement_that_ends_leaves_the_bell_of_open_pages(server: Server, people: People) -> None:
    ana, carla = people["ana"], people["carla"]
    await ana.post("/announcements", data={"title": "Until today", "acknowledge": "yes", "ends_at": "2999-01-31"})
    page = (await carla.get("/c/books")).text
    channels = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', page)
    assert channels
    assert await unread(carla) == 1
    async with server.connect("acme", carla) as socket:
        await socket.send(json.dumps({"sub": channels[1], "last": int(channels[2]), "n": 1}))
        await read_frames(socket, "<!--@1")
        over = "2026-01-01 00:00:00+00"
        rows(server, f"UPDATE announcement SET ends_at = '{over}'")
        rows(server, f"UPDATE job SET due_at = '{over}' WHERE name = 'announcement end'")
        await read_frames(socket, 'data-unread="0"')
    assert await unread(carla) == 0
    assert (await carla.get("/announcements/1")).status_code == 404


async def test_a_newcomer_who_is_removed_leaves_the_bell_of_open_pages(server: Server, people: People) -> None:
    added = server.run("member", "add", "acme", "eva@acme.test", "--name", "Eva", "--password", "a long password")
    assert added.returncode == 0, added.stderr
    page = (await people["carla"].get("/c/books")).text
    channels = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', page)
    assert channels
    assert await unread(people["carla"]) == 1
    async with server.connect("acme", people["carla"]) as socket:
        await socket.send(json.dumps({"sub": channels[1], "last": int(channels[2]), "n": 1}))
        await read_frames(socket, "<!--@1")
        eva = rows(server, "SELECT id FROM member WHERE name = 'Eva'")[0][0]
        assert (await people["ana"].post(f"/members/{eva}/remove")).status_code == 303
        await read_frames(socket, 'data-unread="0"')
    assert await unread(people["carla"]) == 0


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ({"title": "  "}, "This can&#39;t be empty."),
        ({"title": "x" * 121}, "At most 120 characters."),
        ({"title": "T", "text": "x" * 4001}, "At most 4,000 characters."),
        ({"title": "T", "ends_at": "2001-01-01"}, "This date has passed. Choose a later one."),
        ({"title": "T", "ends_at": "9999-12-31"}, "This is not a date."),
        ({"title": "T", "ends_at": "31/12"}, "This is not a date."),
    ],
)
async def test_an_announcement_that_will_not_do_says_why(
    shared_server: Server, typed: dict[str, str], reason: str
) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        answer = await ana.post("/announcements", data=typed)
    assert answer.status_code == 422
    assert reason in answer.text


async def test_strange_input_is_never_an_error_of_ours(shared_server: Server) -> None:
    async with aclosing(await shared_server.sign_in("acme", "carla@acme.test")) as carla:
        for query in ("?page=99999999999999999999", "?page=-1", "?kind=%00", "?show=x&kind=mention&page=2"):
            assert (await carla.get(f"/notifications{query}")).status_code == 200
        for path in ("read", "read-all", "mute", "mute-kind", "unmute"):
            for value in ("", "record-99999999999999999999", "record-²", "\0", "room-1", "nothing"):
                typed = {"subject": value, "until": value, "kind": value}
                assert (await carla.post(f"/notifications/{path}", data=typed)).status_code in (303, 404, 422)
        for subject in ("record-999999", "member-1", "account-1", "nothing", "record-0"):
            assert (await carla.post(f"/follow/{subject}")).status_code == 404
        assert (await carla.get("/announcements/99999999999999999999")).status_code == 404


async def read_frames(socket: websockets.ClientConnection, last: str) -> str:
    """Everything up to the frame with some last words."""
    frames = ""
    async with asyncio.timeout(15):
        while last not in frames:
            frames += str(await socket.recv())
    return frames


async def test_a_personal_one_reaches_that_person_alone(server: Server, people: People) -> None:
    """On the wire: another person's socket, an admin's and the other tenant's get no such frame."""
    names = ("carla", "davi", "bruno", "gil")
    async with AsyncExitStack() as stack:
        sockets = {}
        for name in names:
            slug = "globex" if name == "gil" else "acme"
            page = (await people[name].get("/c/books")).text
            channels = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', page)
            assert channels
            sockets[name] = await stack.enter_async_context(server.connect(slug, people[name]))
            everyone = " ".join([channels[1], *(f"user.{number}" for number in range(1, 7))])
            await sockets[name].send(json.dumps({"sub": everyone, "last": int(channels[2]), "n": 1}))
            await read_frames(sockets[name], "<!--@1")
        direct = await people["ana"].post("/chat/direct", data={"person": "#3"})
        await say(people["ana"], direct.headers["location"], "Between us two")
        await people["ana"].post("/c/books/new", data={"title": "The last word"})
        await people["hana"].post("/c/books/new", data={"title": "The last word"})
        frames = {name: await read_frames(sockets[name], "The last word") for name in names}
    assert "Between us two" in frames["carla"]
    assert 'data-unread="1"' in frames["carla"]
    for name in ("davi", "bruno", "gil"):
        assert "Between us two" not in frames[name]
        assert 'hx-target="#toasts"' not in frames[name]
        assert "data-unread" not in frames[name]


async def test_the_bell_is_pushed_with_the_count_that_the_database_has(server: Server, people: People) -> None:
    page = (await people["carla"].get("/c/books")).text
    channels = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', page)
    assert channels
    await asyncio.gather(*(say(people["ana"], "/chat/general", f"@Carla {number}") for number in range(12)))
    async with server.connect("acme", people["carla"]) as socket:
        await socket.send(json.dumps({"sub": channels[1], "last": int(channels[2]), "n": 1}))
        await read_frames(socket, 'data-unread="12"')
    assert await unread(people["carla"]) == 12
    told = rows(server, "SELECT count(*) FROM notification WHERE member_id = 3 AND read_at IS NULL")
    assert told == [(12,)]
