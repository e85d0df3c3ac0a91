"""One page's socket: who may open it, what it gets, how it resumes, and how it ends."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, suppress
from itertools import count
from typing import Any

import httpx
import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.demo import PASSWORD
from tests.conftest import Server
from tests.faults.extent import times

SignIn = Callable[..., Awaitable[httpx.AsyncClient]]
Socket = websockets.ClientConnection
numbers = count(1)


@pytest.fixture
async def sign_in(shared_server: Server) -> AsyncIterator[SignIn]:
    """Sign people in: `await sign_in("ana@acme.test")`."""
    async with AsyncExitStack() as stack:

        async def enter(email: str) -> httpx.AsyncClient:
            slug = email.partition("@")[2].removesuffix(".test")
            return await stack.enter_async_context(aclosing(await shared_server.sign_in(slug, email)))

        yield enter


async def read_until(socket: Socket, wanted: str) -> list[str]:
    """The frames up to the first that has these words in it."""
    frames: list[str] = []
    async with asyncio.timeout(20):
        while not frames or wanted not in frames[-1]:
            frames.append(str(await socket.recv()))
    return frames


async def hello(socket: Socket, channels: str, last: int) -> str:
    """Say hello, and return the answer to it."""
    number = next(numbers)
    await socket.send(json.dumps({"sub": channels, "last": last, "n": number}))
    return (await read_until(socket, f"<!--@{number}"))[-1]


async def read_close(socket: Socket) -> tuple[int, str, list[str]]:
    """Read a socket to its end: the close code, the reason, and the frames that came before."""
    frames: list[str] = []
    async with asyncio.timeout(20):
        try:
            while True:
                frames.append(str(await socket.recv()))
        except ConnectionClosed:
            pass
    return socket.close_code or 0, socket.close_reason or "", frames


async def read_refusal(socket: Socket) -> tuple[int, str, list[str]]:
    """Say hello on a socket that may have ended already, and read it to its end."""
    with suppress(ConnectionClosed):
        await socket.send(json.dumps({"sub": "tenant", "last": 0, "n": 1}))
    return await read_close(socket)


async def open_page(client: httpx.AsyncClient, path: str = "/c/books") -> tuple[str, int]:
    """The channels and the cursor that a page shows."""
    page = await client.get(path)
    found = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', page.text)
    assert found, page.text
    return found[1], int(found[2])


async def follow(socket: Socket, client: httpx.AsyncClient, path: str = "/c/books") -> int:
    """Open a page and follow what it does, as live.js does."""
    channels, cursor = await open_page(client, path)
    answer = await hello(socket, channels, cursor)
    assert "refresh" not in answer
    assert "refused" not in answer
    return cursor


async def add_book(client: httpx.AsyncClient, title: str) -> str:
    """Add a book, and return its address."""
    answer = await client.post("/c/books/new", data={"title": title})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def change_database(server: Server, statement: str) -> None:
    server.store.rows(statement)


# Who may open it


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://evil.test",
        "http://hero.localhost:{port}",
        "http://globex.hero.localhost:{port}",
        "https://acme.hero.localhost:{port}",
        "http://acme.hero.localhost",
        "http://acme.hero.localhost:{port}.evil.test",
        "http://acme.hero.localhost:{port}/",
    ],
)
async def test_only_a_page_of_the_same_host_may_dial(
    shared_server: Server, sign_in: SignIn, origin: str | None
) -> None:
    ana = await sign_in("ana@acme.test")
    sent = origin.format(port=shared_server.port) if origin else None
    with pytest.raises(InvalidStatus) as refused:
        await shared_server.connect("acme", ana, origin=sent)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "cookie",
    [None, "session=unknown", "session=", "session=a; session=b", "\u00a0session=a", "session=" + "x" * 4000],
)
async def test_without_a_session_the_socket_is_closed_with_4401(shared_server: Server, cookie: str | None) -> None:
    headers = {"cookie": cookie} if cookie else {}
    async with shared_server.connect("acme", headers=headers) as socket:
        assert await read_refusal(socket) == (4401, "not signed in", [])


async def test_a_page_that_says_no_hello_is_closed_with_1008(shared_server: Server, sign_in: SignIn) -> None:
    ana = await sign_in("ana@acme.test")
    async with shared_server.connect("acme", ana) as socket:
        assert await read_close(socket) == (1008, "no hello", [])


async def test_a_session_of_another_workspace_is_none_here(shared_server: Server, sign_in: SignIn) -> None:
    gil = await sign_in("gil@globex.test")
    async with shared_server.connect("acme", gil) as socket:
        assert await read_refusal(socket) == (4401, "not signed in", [])
    async with shared_server.connect("nobody", gil) as socket:
        assert (await read_refusal(socket))[0] == 4401


# What it gets


async def test_hello_is_answered_and_a_new_book_reaches_those_who_follow_books(
    shared_server: Server, sign_in: SignIn
) -> None:
    ana, carla, gil = [await sign_in(email) for email in ("ana@acme.test", "carla@acme.test", "gil@globex.test")]
    async with shared_server.connect("acme", carla) as here, shared_server.connect("globex", gil) as elsewhere:
        await follow(here, carla)
        await follow(elsewhere, gil)
        await add_book(ana, "A book for <acme>")
        frames = await read_until(here, "A book for &lt;acme&gt;")
        assert re.match(r"<!--\d+-->", frames[-1])
        assert 'data-what="created"' in frames[-1]
        await add_book(gil, "A book for globex")
        assert "for &lt;acme&gt;" not in "".join(await read_until(elsewhere, "A book for globex"))


async def test_a_page_that_does_not_follow_a_channel_gets_nothing_of_it(shared_server: Server, sign_in: SignIn) -> None:
    ana, carla = await sign_in("ana@acme.test"), await sign_in("carla@acme.test")
    async with shared_server.connect("acme", carla) as socket:
        await follow(socket, carla, "/account")
        await add_book(ana, "Not for the account page")
        await ana.post("/collections/new", data={"name": f"Shelf {next(numbers)}", "first": "Name"})
        frames = await read_until(socket, 'id="collections"')
    assert not any("Not for the account page" in frame for frame in frames)


async def test_a_second_hello_changes_what_is_followed(shared_server: Server, sign_in: SignIn) -> None:
    carla = await sign_in("carla@acme.test")
    async with shared_server.connect("acme", carla) as socket:
        await follow(socket, carla, "/c/books")
        await follow(socket, carla, "/account")
        await add_book(carla, "After the navigation")
        channels, cursor = await open_page(carla)
        await hello(socket, channels, cursor)
        await add_book(carla, "After coming back")
        frames = await read_until(socket, "After coming back")
    assert not any("After the navigation" in frame for frame in frames)


async def test_an_open_record_follows_its_changes_and_its_end(shared_server: Server, sign_in: SignIn) -> None:
    ana, carla = await sign_in("ana@acme.test"), await sign_in("carla@acme.test")
    address = await add_book(ana, "To be changed")
    async with shared_server.connect("acme", carla) as socket:
        await follow(socket, carla, address)
        await ana.post(f"{address}/edit", data={"title": "Changed", "version": "1"})
        assert 'data-version="2"' in (await read_until(socket, ">Changed</h1>"))[-1]
        await ana.post(f"{address}/delete", data={"version": "2"})
        await read_until(socket, "Deleted by Ana")


# How it resumes


async def test_what_happened_between_the_page_and_its_socket_is_replayed(
    shared_server: Server, sign_in: SignIn
) -> None:
    ana, carla = await sign_in("ana@acme.test"), await sign_in("carla@acme.test")
    channels, cursor = await open_page(carla)
    await add_book(ana, "Between page and socket")
    async with shared_server.connect("acme", carla) as socket:
        await hello(socket, channels, cursor)
        frames = await read_until(socket, "Between page and socket")
        assert "".join(frames).count('data-what="created"') == 1
        await add_book(ana, "A later one")
        assert "Between page" not in "".join(await read_until(socket, "A later one"))


class Reader:
    """A page that keeps its cursor as live.js does, through any number of sockets."""

    def __init__(self, channels: str, cursor: int) -> None:
        self.channels = channels
        self.cursor = cursor
        self.titles: list[str] = []

    def take(self, frame: str) -> None:
        """Show a frame, unless the page is at its cursor already."""
        mark = re.match(r"<!--(\d+)-->", frame)
        if mark and int(mark[1]) > self.cursor:
            self.cursor = int(mark[1])
            self.titles += re.findall(r'data-what="created".*?<a id="[^"]*" href="[^"]*">([^<]*)</a>', frame, re.DOTALL)

    async def read(self, socket: Socket, frames: int) -> None:
        """Say hello and show so many numbered frames."""
        answer = await hello(socket, self.channels, self.cursor)
        assert "refresh" not in answer
        async with asyncio.timeout(20):
            while frames:
                frame = str(await socket.recv())
                frames -= frame.startswith("<!--") and not frame.startswith("<!--@")
                self.take(frame)


async def test_resuming_under_writes_loses_nothing_and_shows_nothing_twice(
    shared_server: Server, sign_in: SignIn
) -> None:
    writers = [await sign_in(f"{name}@acme.test") for name in ("ana", "bruno", "davi")]
    carla = await sign_in("carla@acme.test")
    reader = Reader(*await open_page(carla))
    wanted = {f"Written by {writer}, number {number}." for writer in range(3) for number in range(15)}

    async def write(index: int) -> None:
        for number in range(15):
            await add_book(writers[index], f"Written by {index}, number {number}.")

    async with asyncio.TaskGroup() as group, asyncio.timeout(60):
        for index in range(3):
            group.create_task(write(index))
        while len(reader.titles) < len(wanted):
            async with shared_server.connect("acme", carla) as socket:
                await reader.read(socket, 1)
    assert sorted(reader.titles) == sorted(wanted)


async def test_many_hellos_on_one_socket_under_writes_lose_nothing(shared_server: Server, sign_in: SignIn) -> None:
    ana, carla = await sign_in("ana@acme.test"), await sign_in("carla@acme.test")
    reader = Reader(*await open_page(carla))
    wanted = [f"Between hellos, number {number}." for number in range(20)]

    async def write() -> None:
        for title in wanted:
            await add_book(ana, title)

    async with asyncio.TaskGroup() as group, shared_server.connect("acme", carla) as socket:
        group.create_task(write())
        for _ in range(10):
            await reader.read(socket, 1)
        async with asyncio.timeout(20):
            while len(reader.titles) < len(wanted):
                reader.take(str(await socket.recv()))
    assert reader.titles == wanted


async def test_many_pages_that_navigate_under_writes_lose_nothing(shared_server: Server, sign_in: SignIn) -> None:
    """An event that is delivered while a hello is being answered falls between the log and the hub, if it can."""
    writers = [await sign_in(f"{name}@acme.test") for name in ("ana", "bruno")]
    carla = await sign_in("carla@acme.test")
    channels, cursor = await open_page(carla)
    readers = [Reader(channels, cursor) for _ in range(times(4, 8))]
    written = asyncio.Event()
    wanted: list[str] = []

    async def write(index: int) -> None:
        for number in range(times(10, 30)):
            title = f"While pages navigate, {index} and {number}."
            await add_book(writers[index], title)
            wanted.append(title)

    async def navigate(reader: Reader) -> None:
        """Say hello over and over, on a new socket before one has said too many."""
        while not written.is_set():
            async with shared_server.connect("acme", carla) as socket:
                for _ in range(35):
                    if not written.is_set():
                        await reader.read(socket, 1)
        async with shared_server.connect("acme", carla) as socket, asyncio.timeout(20):
            await hello(socket, channels, reader.cursor)
            await add_book(carla, "The last word")
            while "The last word" not in reader.titles:
                reader.take(str(await socket.recv()))

    async with asyncio.TaskGroup() as group:
        reading = [group.create_task(navigate(reader)) for reader in readers]
        async with asyncio.TaskGroup() as writing:
            for index in range(2):
                writing.create_task(write(index))
        written.set()
        await add_book(carla, "The word that wakes the readers")
        await asyncio.wait(reading)
    for reader in readers:
        shown = [title for title in reader.titles if title.startswith("While pages navigate")]
        assert sorted(shown) == sorted(wanted)


async def test_a_page_older_than_the_log_is_told_to_refresh(shared_server: Server, sign_in: SignIn) -> None:
    carla = await sign_in("carla@acme.test")
    channels, before = await open_page(carla)
    for number in range(3):
        await add_book(carla, f"Trimmed {number}")
    _, after = await open_page(carla)
    change_database(shared_server, f"DELETE FROM event WHERE tenant_id = 1 AND cursor <= {after - 2}")
    async with shared_server.connect("acme", carla) as socket:
        assert " refresh" in await hello(socket, channels, before)
        assert " refresh" in await hello(socket, channels, 0)
        assert " refresh" not in await hello(socket, channels, after - 2)
        assert " refresh" not in await hello(socket, channels, after)


async def test_a_session_is_told_nothing_of_what_was_before_it_began(shared_server: Server, sign_in: SignIn) -> None:
    """Who has joined since, or was given less than they had, could read what was for everybody then."""
    ana = await sign_in("ana@acme.test")
    channels, before = await open_page(ana)
    await add_book(ana, "Before she came")
    carla = await sign_in("carla@acme.test")
    async with shared_server.connect("acme", ana) as early, shared_server.connect("acme", carla) as late:
        assert " refresh" not in await hello(early, channels, before)
        await read_until(early, "Before she came")
        assert " refresh" in await hello(late, channels, before)
        await add_book(ana, "After she came")
        assert not any("Before she came" in frame for frame in await read_until(late, "After she came"))


async def test_a_page_ahead_of_the_log_is_told_to_refresh(shared_server: Server, sign_in: SignIn) -> None:
    carla = await sign_in("carla@acme.test")
    channels, cursor = await open_page(carla)
    async with shared_server.connect("acme", carla) as socket:
        assert " refresh" in await hello(socket, channels, cursor + 1000)
        await add_book(carla, "After the refresh")
        await read_until(socket, "After the refresh")


# What is refused


async def test_a_refused_channel_is_answered_and_logged_with_its_reason(shared_server: Server, sign_in: SignIn) -> None:
    carla = await sign_in("carla@acme.test")
    async with shared_server.connect("acme", carla) as socket:
        answer = await hello(socket, "tenant admins user.1 collection.2 record.99999 nothing !close", 0)
        for name in ("admins", "user.1", "collection.2", "record.99999", "nothing"):
            assert f"refused:{name}" in answer
            line = re.search(rf"\[warning.*refused .*channel={re.escape(name)} .*", shared_server.log)
            assert line, name
            assert "tenant=acme" in line[0]
            assert "reason='not allowed'" in line[0]
        assert "refused:tenant" not in answer


async def test_an_admin_follows_the_admins_channel(shared_server: Server, sign_in: SignIn) -> None:
    bruno = await sign_in("bruno@acme.test")
    assert "admins" in (await open_page(bruno))[0].split()
    async with shared_server.connect("acme", bruno) as socket:
        await follow(socket, bruno)


@pytest.mark.parametrize("size", [9_000, 100_000])
async def test_a_message_that_is_too_large_ends_the_socket_with_1009(
    shared_server: Server, sign_in: SignIn, size: int
) -> None:
    carla = await sign_in("carla@acme.test")
    async with shared_server.connect("acme", carla) as socket:
        await socket.send("x" * size)
        assert (await read_close(socket))[0] == 1009


async def test_too_many_messages_end_the_socket_with_1008(shared_server: Server, sign_in: SignIn) -> None:
    carla = await sign_in("carla@acme.test")
    async with shared_server.connect("acme", carla) as socket:
        for number in range(301):
            await socket.send(json.dumps({"sub": "tenant", "last": 0, "n": number}))
        assert (await read_close(socket))[:2] == (1008, "too many messages")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "hello",
        "[]",
        "null",
        "{}",
        '{"sub": "tenant"}',
        '{"sub": ["tenant"], "last": 0, "n": 1}',
        '{"sub": "tenant", "last": -1, "n": 1}',
        '{"sub": "tenant", "last": 1.5, "n": 1}',
        '{"sub": "tenant", "last": true, "n": 1}',
        '{"sub": "tenant", "last": "0", "n": 1}',
        '{"sub": "tenant", "last": NaN, "n": 1}',
        '{"sub": "tenant", "last": 9007199254740992, "n": 1}',
        '{"sub": "tenant", "last": 0, "n": null}',
        json.dumps({"sub": "x" * 61, "last": 0, "n": 1}),
        json.dumps({"sub": " ".join(f"record.{n}" for n in range(1, 602)), "last": 0, "n": 1}),
        "[" * 5000,
        b"\x00\xff",
        b'{"sub": "tenant", "last": 0, "n": 1}',
    ],
)
async def test_a_malformed_message_ends_the_socket_with_1008(
    shared_server: Server, sign_in: SignIn, message: str | bytes
) -> None:
    carla = await sign_in("carla@acme.test")
    async with shared_server.connect("acme", carla) as socket:
        await socket.send(message)
        assert (await read_close(socket))[:2] == (1008, "malformed")


@pytest.fixture(scope="module")
async def carla(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """One session for all the messages that are made up."""
    async with aclosing(await shared_server.sign_in("acme", "carla@acme.test")) as client:
        yield client


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
hellos = st.fixed_dictionaries(
    {"sub": st.text(max_size=50), "last": st.integers(0, 2**53 - 1), "n": st.integers(0, 2**53 - 1)}
)
messages = st.one_of(
    st.binary(max_size=200), st.text(max_size=200), json_values.map(json.dumps), hellos.map(json.dumps)
)


@given(message=messages)
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
async def test_no_message_crashes_the_server(shared_server: Server, carla: httpx.AsyncClient, message: Any) -> None:
    async with shared_server.connect("acme", carla) as socket:
        await socket.send(message)
        async with asyncio.timeout(20):
            try:
                answer = str(await socket.recv())
                assert answer.startswith("<!--@")
                assert answer.endswith("-->")
                assert answer.count(">") == 1
            except ConnectionClosed:
                assert socket.close_code == 1008
    assert "Traceback" not in shared_server.log


# How it ends


async def cut_off(
    server: Server, client: httpx.AsyncClient, act: Callable[[], Awaitable[None]], witness: httpx.AsyncClient | None
) -> str:
    """Do something that ends a socket, write a book after it, and return the reason of the close.

    Not a frame of what is written after it may come.
    """
    async with server.connect("acme", client) as socket:
        await follow(socket, client)
        await act()
        title = f"After the end, number {next(numbers)}."
        if witness:
            await add_book(witness, title)
        code, reason, frames = await read_close(socket)
    assert code == 4401
    assert not any(title in frame for frame in frames)
    assert (await client.get("/c/books")).status_code in (303, 403)
    async with server.connect("acme", client) as socket:
        assert (await read_refusal(socket))[0] == 4401
    return reason


async def test_signing_out_ends_the_sockets_of_that_session_alone(shared_server: Server, sign_in: SignIn) -> None:
    ana, carla, other = [await sign_in(f"{name}@acme.test") for name in ("ana", "carla", "carla")]

    async def act() -> None:
        assert (await carla.post("/logout")).status_code == 303

    async with shared_server.connect("acme", other) as kept:
        await follow(kept, other)
        assert await cut_off(shared_server, carla, act, ana) == "ended"
        await add_book(ana, "For the session that stays")
        await read_until(kept, "For the session that stays")


async def test_a_new_password_ends_all_sockets_of_that_person(shared_server: Server, sign_in: SignIn) -> None:
    ana, here, elsewhere = [await sign_in(f"{name}@acme.test") for name in ("ana", "davi", "davi")]

    async def act() -> None:
        typed = {"password": PASSWORD, "new_password": PASSWORD}
        assert (await here.post("/account/password", data=typed)).status_code == 303

    async with shared_server.connect("acme", here) as own:
        await follow(own, here)
        assert await cut_off(shared_server, elsewhere, act, ana) == "password"
        assert (await read_close(own))[:2] == (4401, "password")


async def test_a_session_that_is_ended_from_elsewhere_ends_its_sockets(shared_server: Server, sign_in: SignIn) -> None:
    ana, here, elsewhere = [await sign_in(f"{name}@acme.test") for name in ("ana", "davi", "davi")]

    async def act() -> None:
        assert (await here.post("/account/sessions/end-others")).status_code == 303

    assert await cut_off(shared_server, elsewhere, act, ana) == "ended"
    assert (await here.get("/account")).status_code == 200


@pytest.mark.parametrize(
    ("command", "reason"),
    [(("member", "suspend"), "suspended"), (("member", "remove"), "removed")],
)
async def test_who_is_kept_out_by_another_process_is_cut_off(
    shared_server: Server, sign_in: SignIn, command: tuple[str, str], reason: str
) -> None:
    email = f"{command[1]}@acme.test"
    added = await run(shared_server, "member", "add", "acme", email, "--name", "Eva", "--password", PASSWORD)
    assert added.returncode == 0, added.stderr
    eva = await sign_in(email)

    async def act() -> None:
        done = await run(shared_server, *command, "acme", email)
        assert done.returncode == 0, done.stderr

    assert await cut_off(shared_server, eva, act, None) == reason
    async with shared_server.client("acme") as again:
        refused = await again.post("/login", data={"email": email, "password": PASSWORD})
        assert refused.status_code == 422


async def run(server: Server, *arguments: str) -> Any:
    """Run a command beside the server, without keeping the sockets of this test waiting."""
    return await asyncio.to_thread(server.run, *arguments)


async def test_suspending_a_workspace_ends_all_its_sockets_and_no_others(
    shared_server: Server, sign_in: SignIn
) -> None:
    ana, gil, hana = [await sign_in(email) for email in ("ana@acme.test", "gil@globex.test", "hana@globex.test")]
    async with (
        shared_server.connect("globex", gil) as first,
        shared_server.connect("globex", hana) as second,
        shared_server.connect("acme", ana) as other,
    ):
        for socket, client in ((first, gil), (second, hana), (other, ana)):
            await follow(socket, client)
        assert (await run(shared_server, "workspace", "suspend", "globex")).returncode == 0
        for socket in (first, second):
            assert (await read_close(socket))[:2] == (4401, "suspended")
        async with shared_server.connect("globex", gil) as again:
            assert (await read_refusal(again))[0] == 4401
        await add_book(ana, "Acme goes on")
        await read_until(other, "Acme goes on")
    assert (await run(shared_server, "workspace", "restore", "globex")).returncode == 0


async def test_a_socket_at_an_address_without_a_workspace_is_told_so(shared_server: Server, sign_in: SignIn) -> None:
    async with shared_server.connect("nowhere", await sign_in("ana@acme.test")) as socket:
        assert await read_refusal(socket) == (4401, "no workspace", [])


async def test_the_log_says_from_which_address_something_refused_came(shared_server: Server, sign_in: SignIn) -> None:
    logged = len(shared_server.log)
    with pytest.raises(websockets.InvalidStatus):
        async with shared_server.connect("acme", origin="http://evil.test"):
            pass
    carla = await sign_in("carla@acme.test")
    async with shared_server.connect("acme", carla) as socket:
        assert "refused" in await hello(socket, "user.1", 0)
    lines = shared_server.log[logged:].splitlines()
    for event in ("handshake refused", "refused "):
        assert [line for line in lines if event in line and "client=127.0.0.1" in line], event


# Who is here


def people_in(frame: str) -> list[str]:
    """The names that a frame's sidebar shows."""
    return re.findall(r'<li id="here-\d+">.*?</span> ([^<]+)</li>', frame)


async def read_people(socket: Socket, wanted: Callable[[list[str]], bool]) -> list[list[str]]:
    """Who was here in each frame that says it, up to the first one that is wanted."""
    seen: list[list[str]] = []
    async with asyncio.timeout(20):
        while not seen or not wanted(seen[-1]):
            frame = str(await socket.recv())
            if 'id="here"' in frame:
                seen.append(people_in(frame))
    return seen


async def test_who_comes_is_seen_once_and_a_reload_does_not_flicker(shared_server: Server, sign_in: SignIn) -> None:
    gil, hana = await sign_in("gil@globex.test"), await sign_in("hana@globex.test")
    async with shared_server.connect("globex", gil) as watching:
        await follow(watching, gil)
        await read_people(watching, lambda names: names == ["Gil"])
        async with shared_server.connect("globex", hana) as tab:
            await follow(tab, hana)
            await read_people(watching, lambda names: names == ["Gil", "Hana"])
            async with shared_server.connect("globex", hana) as second_tab:
                await follow(second_tab, hana)
                await read_people(second_tab, lambda names: names == ["Gil", "Hana"])
                page = await gil.get("/c/books")
                assert people_in(page.text) == ["Gil", "Hana"]
        async with shared_server.connect("globex", hana) as reloaded:
            await follow(reloaded, hana)
            await add_book(hana, "After the reload")
            frames = await read_until(watching, "After the reload")
            assert all("Hana" in people_in(frame) for frame in frames if 'id="here"' in frame)
        await read_people(watching, lambda names: names == ["Gil"])


async def test_who_signs_out_is_gone_at_once(shared_server: Server, sign_in: SignIn) -> None:
    gil, hana = await sign_in("gil@globex.test"), await sign_in("hana@globex.test")
    async with shared_server.connect("globex", gil) as watching, shared_server.connect("globex", hana) as leaving:
        await follow(watching, gil)
        await follow(leaving, hana)
        await read_people(watching, lambda names: "Hana" in names)
        await hana.post("/logout")
        assert (await read_close(leaving))[0] == 4401
        await read_people(watching, lambda names: "Hana" not in names)


async def test_nobody_of_another_workspace_is_shown(shared_server: Server, sign_in: SignIn) -> None:
    ana, gil = await sign_in("ana@acme.test"), await sign_in("gil@globex.test")
    async with shared_server.connect("acme", ana) as here, shared_server.connect("globex", gil) as there:
        await follow(here, ana)
        await follow(there, gil)
        seen = await read_people(here, lambda names: "Ana" in names)
        assert not any("Gil" in names for names in seen)
        assert "Gil" not in people_in((await ana.get("/c/books")).text)
