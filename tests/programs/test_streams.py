"""Streams: facts as they come, from a cursor on, to programs that may have them and no longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import httpx
import pytest

from app.accounts.scopes import SCOPES
from app.database import Database, now
from app.live.connection import StreamConnection
from app.live.log import MORE_TO_FOLLOW, Event
from app.live.node import Node
from app.programs.problems import Problem
from app.programs.streams import MOST_STREAMS, check_streams
from app.records.permissions import NOTHING
from tests.conftest import Server
from tests.programs.conftest import ACME, API, BOOK, LetIn, add_token, call_with, problem_of
from tests.programs.following import EVENTS, STREAM, list_logged, read_log_cursor, streaming
from tests.records.test_permissions import form_of

BOOKS = f"{API}/collections/books"


async def channel_of(client: httpx.AsyncClient, path: str = BOOKS) -> str:
    return str((await client.get(path)).json()["channel"])


async def add_book(client: httpx.AsyncClient, title: str = "Told") -> int:
    answer = await client.post(f"{BOOKS}/records", json={"values": {"title": title, "author": "Someone"}})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["number"])


async def say(client: httpx.AsyncClient, text: str, room: str = "general") -> None:
    answer = await client.post(f"{API}/rooms/{room}/messages", json={"text": text})
    assert answer.status_code == 201, answer.text


async def room_channels(client: httpx.AsyncClient) -> dict[str, str]:
    return {room["slug"]: room["channel"] for room in (await client.get(f"{API}/rooms")).json()["items"]}


async def test_a_stream_begins_now_and_says_where(shared_server: Server, let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    books = await channel_of(ana)
    await add_book(ana, "Before")
    async with streaming(ana, channels=books) as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        begin = await stream.next()
        assert (begin.name, begin.data) == ("begin", {"channels": [books], "refused": []})
        number = await add_book(ana)
        told = await stream.next()
        assert (told.name, told.data["kind"], told.data["channel"]) == ("message", "record.created", books)
        assert told.data["data"]["number"] == number
        assert told.cursor == told.data["cursor"]
        assert begin.cursor is not None
        assert told.cursor
        assert told.cursor > begin.cursor
        assert list_logged(shared_server, books, begin.cursor) == [(told.cursor, "record.created")]


async def test_who_comes_back_gets_what_has_come_meanwhile_once(shared_server: Server, let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    books = await channel_of(ana)
    async with streaming(ana, channels=books) as stream:
        begin = await stream.next()
        await add_book(ana)
        first = await stream.next()
    await add_book(ana, "Missed")
    await add_book(ana, "Missed too")
    async with streaming(ana, last=first.cursor, channels=books) as stream:
        found = [first.cursor]
        assert (await stream.next()).name == "begin"
        found += [(await stream.next()).cursor for _ in range(2)]
        await add_book(ana, "Live")
        found.append((await stream.next()).cursor)
    assert begin.cursor is not None
    assert found == [cursor for cursor, _ in list_logged(shared_server, books, begin.cursor)]
    part = (await ana.get(EVENTS, params={"channels": books, "after": begin.cursor})).json()
    assert [item["cursor"] for item in part["items"]] == found


async def test_as_json_there_is_always_a_next_cursor(shared_server: Server, let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    books = await channel_of(ana)
    begin = (await ana.get(EVENTS, params={"channels": books})).json()
    assert begin["items"] == []
    assert begin["gap"] is None
    assert begin["next"] == read_log_cursor(shared_server)
    await say(ana, "Nothing for who follows books")
    empty = (await ana.get(EVENTS, params={"channels": books, "after": begin["next"]})).json()
    assert empty["items"] == []
    assert empty["next"] > begin["next"]
    for title in ("One", "Two", "Three"):
        await add_book(ana, title)
    part = (await ana.get(EVENTS, params={"channels": books, "after": empty["next"], "limit": 2})).json()
    rest = (await ana.get(EVENTS, params={"channels": books, "after": part["next"], "limit": 2})).json()
    assert [item["data"]["after"] for item in part["items"] + rest["items"]]
    assert (len(part["items"]), len(rest["items"])) == (2, 1)
    assert rest["next"] == read_log_cursor(shared_server)


async def test_a_long_poll_answers_as_soon_as_there_is_something(let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    books = await channel_of(ana)
    after = (await ana.get(EVENTS, params={"channels": books})).json()["next"]
    polling = asyncio.create_task(ana.get(EVENTS, params={"channels": books, "after": after, "wait": 15}))
    began = time.monotonic()
    await say(ana, "Of this it hears nothing")
    await add_book(ana)
    part = (await polling).json()
    assert time.monotonic() - began < 5
    assert [item["kind"] for item in part["items"]] == ["record.created"]
    empty = await ana.get(EVENTS, params={"channels": books, "after": part["next"], "wait": 1})
    assert empty.json()["items"] == []


async def test_everything_there_is_for_one_comes_where_no_channel_is_named(let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    rooms, books = await room_channels(ana), await channel_of(ana)
    async with streaming(ana) as stream:
        begin = await stream.next()
        assert {"tenant", "admins", books, rooms["general"]} <= set(begin.data["channels"])
        await say(ana, "Everything")
        assert (await stream.next()).data["kind"] == "message.posted"
        await add_book(ana)
        assert (await stream.next()).data["channel"] == books


async def test_other_workspaces_channels_are_refused(let_in: LetIn) -> None:
    ana, gil = await let_in("ana@acme.test"), await let_in("gil@globex.test", "globex")
    rooms, books = await room_channels(ana), await channel_of(ana)
    wanted = f"{books},{rooms['general']}"
    async with streaming(gil, channels=wanted) as stream:
        assert (await stream.next()).data == {"channels": [], "refused": wanted.split(",")}
    part = (await gil.get(EVENTS, params={"channels": wanted, "after": 0})).json()
    assert part["items"] == []
    assert part["refused"] == wanted.split(",")


@pytest.mark.parametrize("scope", list(SCOPES))
async def test_a_token_follows_what_its_scopes_are_for(let_in: LetIn, scope: str) -> None:
    whole = await let_in("ana@acme.test")
    rooms, books, book = await room_channels(whole), await channel_of(whole), await channel_of(whole, BOOK)
    channels = ["tenant", "admins", books, book, rooms["general"]]
    ana = await let_in("ana@acme.test", scopes=[scope])
    part = (await ana.get(EVENTS, params={"channels": ",".join(channels)})).json()
    wanted = {
        "people": ["tenant"],
        "admin": ["admins"],
        "records": [books, book],
        "chat": [rooms["general"]],
    }
    assert part["channels"] == wanted.get(scope.partition(":")[0], [])


async def test_a_narrowed_token_follows_only_what_it_is_for(shared_server: Server, let_in: LetIn) -> None:
    whole = await let_in("ana@acme.test")
    rooms, books, book = await room_channels(whole), await channel_of(whole), await channel_of(whole, BOOK)
    narrowed = await let_in("ana@acme.test", collections=[99], rooms=[99])
    channels = f"{books},{book},{rooms['general']},tenant"
    async with streaming(narrowed, channels=channels) as stream:
        assert (await stream.next()).data["channels"] == ["tenant"]
        await add_book(whole)
        await say(whole, "Not for it")
    everything = (await narrowed.get(EVENTS, params={"after": 0})).json()
    assert not [item for item in everything["items"] if item["kind"].startswith(("record", "room", "message"))]


async def test_what_admins_are_told_comes_by_scopes_too_and_to_no_narrowed_token(let_in: LetIn) -> None:
    whole = await let_in("ana@acme.test")
    alone = await let_in("ana@acme.test", scopes=["admin"])
    narrowed = await let_in("ana@acme.test", collections=[99])
    cursor = (await whole.get(EVENTS)).json()["next"]
    assert (await whole.post(f"{BOOKS}/archive")).status_code == 200
    assert (await whole.post(f"{BOOKS}/unarchive")).status_code == 200
    assert (await whole.get(f"{BOOKS}/export", params={"format": "csv"})).status_code == 200

    async def hear(client: httpx.AsyncClient) -> tuple[list[str], set[str]]:
        part = (await client.get(EVENTS, params={"after": cursor, "channels": "admins"})).json()
        return part["channels"], {each["kind"].partition(".")[0] for each in part["items"]}

    assert (await hear(whole))[1] & {"records", "collection"}
    assert await hear(alone) == (["admins"], set())
    assert await hear(narrowed) == ([], set())


async def test_who_asks_for_a_lock_is_told_to_no_token_of_other_collections(let_in: LetIn) -> None:
    ana, carla = await let_in("ana@acme.test"), await let_in("carla@acme.test")
    narrowed = await let_in("ana@acme.test", collections=[99])
    cursor = (await ana.get(EVENTS)).json()["next"]
    number = await add_book(ana)
    path = f"{BOOKS}/records/{number}/lock"
    assert (await ana.post(path)).status_code == 201
    assert (await carla.post(path, json={"wait": True, "ask": True})).status_code == 202

    async def hear(client: httpx.AsyncClient) -> set[str]:
        part = (await client.get(EVENTS, params={"after": cursor, "channels": "user.1"})).json()
        return {each["kind"] for each in part["items"]}

    assert "lock.asked" in await hear(ana)
    assert await hear(narrowed) == set()


async def test_a_guests_token_is_not_taken_for_an_insiders_and_none_for_a_guests(let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test", scopes=["records:read"])
    part = (await ana.get(EVENTS, params={"channels": "guests,tenant,admins"})).json()
    assert part["channels"] == []


@pytest.mark.parametrize(
    ("parameters", "headers", "code"),
    [
        ({"channels": "nowhere.1"}, {}, (422, "invalid")),
        ({"channels": "!close"}, {}, (422, "invalid")),
        ({"channels": "facts collection.1"}, {}, (422, "invalid")),
        ({"after": "x"}, {}, (422, "invalid")),
        ({"after": "-1"}, {}, (422, "invalid")),
        ({"after": str(2**60)}, {}, (422, "invalid")),
        ({"wait": "61"}, {}, (422, "invalid")),
        ({}, {**STREAM, "last-event-id": "x"}, (400, "bad-request")),
        ({}, {**STREAM, "last-event-id": "9" * 40}, (400, "bad-request")),
    ],
)
async def test_what_is_no_cursor_and_no_channel_is_refused(
    let_in: LetIn, parameters: dict[str, str], headers: dict[str, str], code: tuple[int, str]
) -> None:
    ana = await let_in("ana@acme.test")
    assert problem_of(await ana.get(EVENTS, params=parameters, headers=headers)) == code


async def test_a_log_that_reaches_back_no_more_is_a_gap_that_is_told(server: Server) -> None:
    _, secret = add_token(server, "acme", "ana@acme.test")
    async with aclosing(call_with(server, "acme", secret)) as ana:
        books = await channel_of(ana)
        before = (await ana.get(EVENTS)).json()["next"]
        for number in range(4):
            await add_book(ana, f"Book {number}")
        logged = list_logged(server, books, before)
        server.store.rows("DELETE FROM event WHERE tenant_id = 1 AND cursor <= ?", logged[1][0])
        async with streaming(ana, last=before, channels=books) as stream:
            assert (await stream.next()).name == "begin"
            gap = await stream.next()
            assert (gap.name, gap.data["after"]) == ("gap", before)
            assert logged[1][0] < gap.data["before"] <= logged[2][0]
            found = [(await stream.next()).cursor for _ in range(2)]
        assert found == [cursor for cursor, _ in logged[2:]]
        part = (await ana.get(EVENTS, params={"channels": books, "after": before})).json()
        assert part["gap"]["after"] == before
        assert part["items"] == []
        rest = (await ana.get(EVENTS, params={"channels": books, "after": part["next"]})).json()
        assert [item["cursor"] for item in rest["items"]] == found
        ahead = read_log_cursor(server) + 1000
        async with streaming(ana, after=ahead, channels=books) as stream:
            await stream.next()
            assert (await stream.next()).name == "gap"
            await add_book(ana, "After the gap")
            assert (await stream.next()).data["kind"] == "record.created"


async def test_a_stream_ends_with_its_token_and_says_so(shared_server: Server, let_in: LetIn) -> None:
    token_id, secret = add_token(shared_server, "acme", "ana@acme.test", name="ends")
    async with aclosing(call_with(shared_server, "acme", secret)) as ana, streaming(ana) as stream:
        await stream.next()
        began = time.monotonic()
        ended = await asyncio.to_thread(shared_server.run, "token", "end", "acme", str(token_id))
        assert ended.returncode == 0, ended.stderr
        told = time.monotonic()
        end = await stream.until("end")
        assert end.data == {"reason": "ended", "retry": False}
        assert time.monotonic() - told < 1, time.monotonic() - began
        with pytest.raises(EOFError):
            await stream.next()
        assert problem_of(await ana.get(EVENTS)) == (401, "unauthorized")


async def test_a_stream_ends_when_the_time_of_its_token_is_over(shared_server: Server) -> None:
    token_id, secret = add_token(shared_server, "acme", "ana@acme.test")
    shared_server.store.rows("UPDATE token SET ends_at = ? WHERE id = ?", now() + timedelta(seconds=2), token_id)
    async with aclosing(call_with(shared_server, "acme", secret)) as ana, streaming(ana) as stream:
        await stream.next()
        assert (await stream.until("end")).data["reason"] == "expired"


@pytest.fixture
async def eva(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """A program of somebody who can be kept out."""
    server.run(
        "member", "add", "acme", "eva@acme.test", "--name", "Eva", "--role", "member", "--password", "long enough"
    )
    _, secret = add_token(server, "acme", "eva@acme.test")
    async with aclosing(call_with(server, "acme", secret)) as client:
        yield client


async def test_a_stream_ends_when_its_member_or_workspace_is_suspended(server: Server, eva: httpx.AsyncClient) -> None:
    async with streaming(eva) as stream:
        await stream.next()
        done = await asyncio.to_thread(server.run, "member", "suspend", "acme", "eva@acme.test")
        assert done.returncode == 0, done.stderr
        assert (await stream.until("end")).data == {"reason": "suspended", "retry": False}
    _, secret = add_token(server, "acme", "ana@acme.test")
    async with aclosing(call_with(server, "acme", secret)) as ana, streaming(ana) as stream:
        await stream.next()
        done = await asyncio.to_thread(server.run, "workspace", "suspend", "acme")
        assert done.returncode == 0, done.stderr
        assert (await stream.until("end")).data == {"reason": "suspended", "retry": False}


async def test_a_right_that_is_lost_takes_its_channel_and_leaves_the_others(
    server: Server, eva: httpx.AsyncClient
) -> None:
    _, secret = add_token(server, "acme", "ana@acme.test")
    page = server.let_in("acme", "ana@acme.test")
    async with aclosing(call_with(server, "acme", secret)) as ana, aclosing(page):
        books, rooms = await channel_of(ana), await room_channels(ana)
        async with streaming(eva, channels=f"{books},{rooms['general']},tenant") as stream:
            assert (await stream.next()).data["refused"] == []
            await add_book(ana, "Still hers")
            assert (await stream.until("message")).data["channel"] == books
            nobody = form_of(dict.fromkeys(("member", "viewer", "guest"), NOTHING))
            assert (await page.post("/c/books/permissions", data=nobody)).status_code == 303
            lost = time.monotonic()
            told = await stream.until("channels")
            assert time.monotonic() - lost < 1
            assert told.data == {"channels": [rooms["general"], "tenant"], "refused": [books]}
            await add_book(ana, "Not hers any more")
            await say(ana, "Of rooms it hears on")
            assert (await stream.next()).data["channel"] == rooms["general"]
            part = (await eva.get(EVENTS, params={"channels": books, "after": 0})).json()
            assert (part["items"], part["refused"]) == ([], [books])


async def test_who_is_put_out_of_a_room_hears_nothing_more_of_it(server: Server, eva: httpx.AsyncClient) -> None:
    page = server.let_in("acme", "ana@acme.test")
    _, secret = add_token(server, "acme", "ana@acme.test")
    ((person,),) = server.store.rows("SELECT id FROM member WHERE email = 'eva@acme.test'")
    async with aclosing(call_with(server, "acme", secret)) as ana, aclosing(page):
        address = (await page.post("/chat/new", data={"name": "Vault", "private": "yes"})).headers["location"]
        rooms = await room_channels(ana)
        vault = rooms[address.rpartition("/")[2]]
        async with streaming(eva, channels=f"{vault},{rooms['general']}") as stream:
            assert (await stream.next()).data["refused"] == [vault]
        await page.post(f"{address}/invite", data={"person": f"#{person}"})
        async with streaming(eva, channels=f"{vault},{rooms['general']}") as stream:
            assert (await stream.next()).data["refused"] == []
            await page.post(f"{address}/remove", data={"person": person})
            assert (await stream.until("channels")).data["refused"] == [vault]
            await say(ana, "Without her", address.rpartition("/")[2])
            await say(ana, "With her")
            assert (await stream.next()).data["channel"] == rooms["general"]


async def test_a_stream_is_told_who_is_there_and_who_types_if_it_asks(shared_server: Server, let_in: LetIn) -> None:
    ana, page = await let_in("ana@acme.test"), shared_server.let_in("acme", "bruno@acme.test")
    rooms = await room_channels(ana)
    async with aclosing(page), streaming(ana, channels=rooms["general"], signals="true") as stream:
        assert (await stream.next()).name == "begin"
        present = await stream.until("signal")
        assert (present.data["kind"], present.data["channel"]) == ("presence", rooms["general"])
        assert (await page.post("/chat/general/typing")).status_code == 204
        typing = await stream.until("signal")
        assert (typing.data["kind"], typing.data["data"]["name"]) == ("typing", "Bruno")
        assert typing.cursor is None


@pytest.mark.alike
async def test_a_quiet_stream_says_now_and_then_that_it_is_there(let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    books = await channel_of(ana)
    async with streaming(ana, channels=books) as stream:
        begin = await stream.next()
        await say(ana, "Nothing for who follows books")
        async with asyncio.timeout(15):
            beat = await anext(stream.told)
        assert beat.name == ""
        assert (beat.cursor or 0) > (begin.cursor or 0)


async def test_a_stream_that_has_to_ask_anew_goes_on_behind_the_first_change_that_it_was_not_told(
    database: Database,
) -> None:
    hub = Node(database).hub
    stream = StreamConnection({}, ACME, lambda: None)
    stream.follows_all = True
    hub.add(stream)
    hub.follow(stream, ["tenant"], 10)
    more = '{"everybody": true, "members": []}'
    for cursor in (11, 13, 15):  # each time there is more to follow, and a fact of it
        hub.deliver(ACME, [Event(cursor, MORE_TO_FOLLOW, more), Event(cursor + 1, "tenant", "told")])
    assert (stream.anew, stream.cursor) == (True, 11)


async def test_a_token_has_only_so_many_streams(database: Database) -> None:
    node = Node(database)
    for _ in range(MOST_STREAMS):
        check_streams(node, ACME, 7)
        stream = StreamConnection({}, ACME, lambda: None)
        stream.token_id = 7
        node.hub.add(stream)
    check_streams(node, ACME, 8)
    with pytest.raises(Problem) as refused:
        check_streams(node, ACME, 7)
    assert refused.value.code == "too-many-requests"
    node.hub.remove(stream)
    check_streams(node, ACME, 7)
    node.draining = True
    with pytest.raises(Problem) as refused:
        check_streams(node, ACME, 8)
    assert refused.value.code == "unavailable"


async def test_a_head_request_is_answered_and_ends(let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    answer = await ana.head(EVENTS, headers=STREAM)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (await ana.get(EVENTS)).status_code == 200


async def test_a_record_is_told_as_the_api_gives_it(let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    cursor = (await ana.get(EVENTS)).json()["next"]
    number = await add_book(ana, "As given")
    path = f"{BOOKS}/records/{number}"
    before = (await ana.get(path)).json()["values"]
    changed = await ana.patch(path, json={"values": {"year": 1899}}, headers={"if-match": '"1"'})
    assert changed.json()["values"]["year"] == 1899
    asked = {"after": cursor, "channels": await channel_of(ana)}
    told = {each["kind"]: each["data"] for each in (await ana.get(EVENTS, params=asked)).json()["items"]}
    assert (told["record.created"]["before"], told["record.created"]["after"]) == (None, before)
    assert told["record.changed"]["before"] == before
    assert told["record.changed"]["after"] == changed.json()["values"]
