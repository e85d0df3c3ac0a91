"""Promise 1: nobody sees, follows or changes what belongs to another workspace.

The matrix is made from the program's own routes and channels, so that a new one is covered without thinking of it.
Acme is the workspace that is asked for, globex the one that asks.
"""

from __future__ import annotations

import asyncio
import functools
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from litestar.routes import HTTPRoute
from PIL import Image

from app.accounts.members import find_member
from app.accounts.tokens import make_token
from app.features import open_database
from app.live.channels import PATTERNS
from app.live.log import publish
from app.server.asgi import create_app
from app.settings import Settings
from tests.conftest import Server
from tests.waiting import until, until_keys_are_written

ACME, GLOBEX = 1, 2

# A path parameter's value that only acme has, and one that globex has too. A new parameter needs a line here.
PATH_VALUES = {
    "slug": ("spare-lamps", "books"),
    "number": ("42", "1"),
    "version": ("3", "1"),
    "key": ("serial", "title"),
    "session_id": ("{acme session}", "{globex session}"),
    "file_id": ("{acme file}", "{globex file}"),
    "record_file_id": ("{acme record file}", "{globex record file}"),
    "member_id": ("{acme member}", "{globex member}"),
    "invitation_id": ("{acme invitation}", "{globex invitation}"),
    "announcement_id": ("{acme announcement}", "{globex announcement}"),
    "subject": ("{acme record}", "{globex record}"),
    "undo_id": ("{acme undo}", "{globex undo}"),
    "call": ("list_collections", "list_collections"),
    "topic": ("records", "records"),
    "picture": ("list.en.webp", "list.en.webp"),
    "token_id": ("{acme token}", "{globex token}"),
    "app_id": ("{acme app}", "{globex app}"),
    "webhook_id": ("{acme webhook}", "{globex webhook}"),
    "address_id": ("{acme address}", "{globex address}"),
}
# Parameters of what is the program's own: the same in every workspace.
SAME_EVERYWHERE = {"call", "topic", "picture"}
# The table whose rows a channel's {id} names. A new pattern with an {id} needs a line here.
CHANNEL_TABLES = {
    "user.{id}": "member",
    "collection.{id}": "collection",
    "count.{id}": "collection",
    "record.{id}": "record",
    "room.{id}": "room",
    "news.{id}": "room",
    "line.{id}": "room",
}
# Pages for people who are not signed in, and addresses for machines. A new one needs a good reason.
PUBLIC = {
    *(
        "/static/{path:path}",
        "/login",
        "/enter",
        "/forgotten",
        "/password",
    ),
    *("/unsubscribe", "/join", "/confirm", "/logo", "/healthz", "/readyz", "/metrics"),
}
# What stands in pages that show something of acme.
MARKS = ("Acme", "acme.test", "Bruno", "Carla", "Davi", "Dom Casmurro", "Iracema", "Spare lamps", "Lantern")

SETTINGS = Settings(
    base_url="http://hero.localhost:8000",
    database_url="sqlite+aiosqlite://",
    data_dir=Path("data"),
    secret_key="",
    smtp_url="",
    mail_from="",
    workers=1,
    debug=False,
    metrics_networks="",
    edit_idle_seconds=600,
    file_limit_megabytes=25,
    files_quota_megabytes=5000,
)


@dataclass(frozen=True)
class Target:
    """A method and a path with places for its parameters."""

    method: str
    path: str

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+):\w+\}", self.path)

    @property
    def names_something(self) -> bool:
        """Whether it is about something of a workspace."""
        return not SAME_EVERYWHERE.issuperset(self.parameters)

    def fill(self, values: dict[str, str]) -> str:
        return re.sub(r"\{(\w+):\w+\}", lambda found: values[found[1]], self.path)


@functools.cache
def make_application() -> Any:
    """The program, to be asked what pages it has: to make it anew for each list takes half a second."""
    return create_app(SETTINGS)


def list_routes(*, central: bool = False) -> list[Any]:
    """Every route of a workspace, or of the central host, from the application itself, in the same order in each
    process: the paths of one handler are a set."""
    application = make_application()
    routes = list((application.sites.central if central else application.sites.workspace).routes)
    places: dict[Any, int] = {}
    for at, route in enumerate(routes):
        for handler in getattr(route, "route_handlers", ()):
            places.setdefault(handler.fn, at)

    def place(route: Any) -> tuple[int, str]:
        return min((places[each.fn] for each in getattr(route, "route_handlers", ())), default=0), route.path

    return sorted(routes, key=place)


def list_targets() -> list[Target]:
    """Every method of every page that is not public."""
    return [
        Target(method, route.path)
        for route in list_routes()
        if isinstance(route, HTTPRoute) and route.path not in PUBLIC
        for method in sorted(set(route.methods) - {"OPTIONS"})
    ]


TARGETS = list_targets()


def check_parameters(targets: list[Target]) -> None:
    """Fail when a route has a parameter that the matrix has no values for."""
    for target in targets:
        for name in target.parameters:
            assert name in PATH_VALUES, (
                f"{target.method} {target.path} has a path parameter {name!r} that is new here: add to PATH_VALUES in "
                f"tests/test_isolation.py a value of it that only acme has, and one that globex has too"
            )


def name_of(target: Target) -> str:
    return f"{target.method} {target.path}"


with_parameters = pytest.mark.parametrize("target", [one for one in TARGETS if one.names_something], ids=name_of)
without_parameters = pytest.mark.parametrize("target", [one for one in TARGETS if not one.names_something], ids=name_of)
all_targets = pytest.mark.parametrize("target", TARGETS, ids=name_of)


@dataclass
class World:
    """The server with its two workspaces, and Ana in acme."""

    server: Server
    ana: httpx.AsyncClient
    values: dict[str, tuple[str, str]]
    kept: dict[str, list[Any]] | None = None  # acme's rows after the last test, if that has looked at them

    def rows(self, statement: str) -> list[Any]:
        return self.server.store.rows(statement)

    def dump(self, tenant: int) -> dict[str, list[Any]]:
        """Every row of a workspace but what is written some seconds after a page was opened (see `Visits`), as Ana's
        pages are between two tests: which things were opened, and when a session was last seen."""
        chosen = {
            table: ", ".join(f'"{column}"' for column in columns if (table, column) != ("session", "seen_at"))
            for table, columns in self.tables.items()
            if "tenant_id" in columns and table != "visit"
        }
        tables = list(chosen)
        own, *found = self.server.store.rows_of(
            (f"SELECT * FROM tenant WHERE id = {tenant}",),
            *((f'SELECT {names} FROM "{table}" WHERE tenant_id = {tenant}',) for table, names in chosen.items()),
        )
        rows = (sorted(each, key=repr) for each in found)
        return {"tenant": own, **dict(zip(tables, rows, strict=True))}

    @functools.cached_property
    def tables(self) -> dict[str, list[str]]:
        return self.server.store.dump_tables()


@pytest.fixture(scope="module")
async def world(shared_server: Server) -> AsyncIterator[World]:
    """Acme gets what globex has not: a collection with a field and a record; the demo gives it more books."""
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        await (await shared_server.sign_in("globex", "gil@globex.test")).aclose()
        for path, typed in (
            ("/collections/new", {"name": "Spare lamps", "first": "Title"}),
            ("/c/spare-lamps/fields", {"label": "Serial", "kind": "text"}),
            ("/c/books/fields", {"label": "Serial", "kind": "text"}),
            ("/c/spare-lamps/new", {"title": "Lantern", "serial": "1"}),
            ("/c/spare-lamps/1/edit", {"title": "Lantern", "serial": "2", "version": "1"}),
            ("/c/spare-lamps/1/edit", {"title": "Lantern", "serial": "3", "version": "2"}),
            ("/c/books/1/edit", {"title": "Os Lusíadas", "version": "1"}),
            ("/c/books/1/edit", {"title": "Os Lusíadas", "notes": "First edition", "version": "2"}),
            ("/c/books/41/delete", {"version": "1"}),
        ):
            answer = await ana.post(path, data=typed)
            assert answer.status_code == 303, (path, answer.text)
        async with aclosing(await shared_server.sign_in("globex", "gil@globex.test")) as gil:
            await fill_rooms(ana, gil)
            async with aclosing(await shared_server.sign_in("acme", "bruno@acme.test")) as bruno:
                await add_people(ana, gil, bruno)
            for client in (ana, ana, gil):
                await client.post("/c/books/fields", data={"label": "Pictures", "kind": "files"})
                picture = io.BytesIO()
                Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
                call = {"files": {"file": ("a.png", picture.getvalue())}, "headers": {"x-page": "1"}}
                brought = await client.post("/c/books/files/pictures", **call)
                assert brought.status_code == 200, brought.text
            for client, title in ((ana, "Lantern"), (ana, "Lantern"), (gil, "Stocktaking")):
                told = await client.post("/announcements", data={"title": title, "text": title})
                assert told.status_code == 303, told.text
            for client, title in ((ana, "Lantern"), (ana, "Lantern"), (gil, "Stocktaking")):
                told = await client.post("/account/tokens", data={"name": title, "scopes": "records:read"})
                assert told.status_code == 200, told.text
                told = await client.post("/settings/apps", data={"name": title, "role": "member"})
                assert told.status_code == 200, told.text
                hooked = await client.post("/settings/webhooks", data={"address": f"https://{title.lower()}.invalid/"})
                assert hooked.status_code == 200, hooked.text
                (number,) = shared_server.store.rows("SELECT max(id) FROM webhook")[0]
                off = await client.post(
                    f"/settings/webhooks/{number}/disable"
                )  # what it sends would change acme's rows
                assert off.status_code == 303, off.text
                room = "spare-lamps" if client is ana else "books"
                told = await client.post(f"/chat/{room}/incoming", data={"name": title})
                assert told.status_code == 200, told.text
        made = World(shared_server, ana, {})
        sessions = [
            str(made.rows(f"SELECT max(id) FROM session WHERE tenant_id = {tenant}")[0][0]) for tenant in (ACME, GLOBEX)
        ]
        files, record_files, records, members, invitations, announcements, offers, tokens, apps, webhooks, addresses = (
            [str(made.rows(f"SELECT max(id) FROM {table} AND tenant_id = {tenant}")[0][0]) for tenant in (ACME, GLOBEX)]
            for table in (
                "attachment WHERE true",
                "record_file WHERE true",
                "record WHERE true",
                "member WHERE picture IS NOT NULL",
                "invitation WHERE true",
                "announcement WHERE true",
                "undo_offer WHERE true",
                "token WHERE true",
                "gateway_app WHERE true",
                "webhook WHERE true",
                "incoming_address WHERE true",
            )
        )
        made.values = {
            **PATH_VALUES,
            "session_id": (sessions[0], sessions[1]),
            "file_id": (files[0], files[1]),
            "record_file_id": (record_files[0], record_files[1]),
            "member_id": (members[0], members[1]),
            "invitation_id": (invitations[0], invitations[1]),
            "announcement_id": (announcements[0], announcements[1]),
            "subject": (f"record-{records[0]}", f"record-{records[1]}"),
            "undo_id": (offers[0], offers[1]),
            "token_id": (tokens[0], tokens[1]),
            "app_id": (apps[0], apps[1]),
            "webhook_id": (webhooks[0], webhooks[1]),
            "address_id": (addresses[0], addresses[1]),
        }
        await until_keys_are_written(shared_server.store)
        yield made


async def add_people(ana: httpx.AsyncClient, gil: httpx.AsyncClient, bruno: httpx.AsyncClient) -> None:
    """Both have somebody who was invited, and somebody with a picture: in acme it is not Ana, who asks."""
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
    for client, count in ((gil, 1), (ana, 3)):
        for number in range(count):
            invited = await client.post(
                "/members/invitations", data={"email": f"lantern{number}@example.org", "role": "member"}
            )
            assert invited.status_code == 303, invited.text
    for client in (gil, bruno):
        sent = await client.post("/account/picture", files={"picture": ("lantern.png", picture.getvalue())})
        assert sent.status_code == 303, sent.text


async def fill_rooms(ana: httpx.AsyncClient, gil: httpx.AsyncClient) -> None:
    """Acme gets a room more than globex, more messages, and both a picture."""
    for client, name, count, word in (
        (ana, "Spare lamps", 1, "Lantern"),
        (ana, "Books", 42, "Lantern"),
        (gil, "Books", 1, "Stocktaking"),
    ):
        made = await client.post("/chat/new", data={"name": name})
        address = made.headers["location"]
        for number in range(count):
            said = await client.post(address, data={"text": f"{word} {number}", "key": f"{name} {number}"})
            assert said.status_code == 303, said.text
        if count == 1:
            done = await client.post(f"{address}/archive", data={"archived": "yes"})
            assert "undo=" in done.headers["location"]
            await client.post(f"{address}/archive")
        picture = io.BytesIO()
        Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
        sent = await client.post(f"{address}/files", files={"file": ("lantern.png", picture.getvalue())})
        assert sent.status_code == 200, sent.text


@pytest.fixture
async def gil(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """Gil of globex, with a session of his own in each test, as some pages end it."""
    async with aclosing(world.server.let_in("globex", "gil@globex.test")) as client:
        yield client


@pytest.fixture
def acme_stays_as_it_is(world: World) -> Iterator[None]:
    """Compare all of acme's rows before and after a test. Those after it are those before the next one."""
    before, world.kept = world.kept or world.dump(ACME), None
    assert all(before[table] for table in ("tenant", "member", "session", "record", "revision", "record_key", "event"))
    yield
    after = world.dump(ACME)
    assert after == before
    world.kept = after


@pytest.fixture(autouse=True)
def look_again(request: pytest.FixtureRequest) -> None:
    """After a test that acme need not be left alone by, its rows are others."""
    if "world" in request.fixturenames and "acme_stays_as_it_is" not in request.fixturenames:
        request.getfixturevalue("world").kept = None


# The forms that take people as a list of choices sends them.
CHOOSING = {"/chat/direct", "/chat/{slug:str}/invite", "/c/{slug:str}/guests"}


def form_with_acme_in_it(world: World) -> dict[str, str]:
    """A form that names acme's things wherever a form names things."""
    member, record, collection = (
        str(world.rows(f"SELECT max(id) FROM {table} WHERE tenant_id = {ACME}")[0][0])
        for table in ("member", "record", "collection")
    )
    return {
        "id": record,
        "record": record,
        "record_id": record,
        "collection": collection,
        "collection_id": collection,
        "member": member,
        "member_id": member,
        "person": member,
        "room": "spare-lamps",
        "reply": "1",
        "file": world.values["file_id"][0],
        "text": "Words",
        "key": "one",
        "emoji": "👍",
        "session": world.values["session_id"][0],
        "session_id": world.values["session_id"][0],
        "tenant": str(ACME),
        "tenant_id": str(ACME),
        "slug": "acme",
        "number": "42",
        "version": "1",
        "title": "Taken over",
        "email": "ana@acme.test",
        "action": "up",
    }


async def ask(client: httpx.AsyncClient, world: World, target: Target, path: str) -> httpx.Response:
    form = None if target.method == "GET" else form_with_acme_in_it(world)
    if form is not None and target.path in CHOOSING:
        form["person"] = f"#{form['person']}"
    return await client.request(target.method, path, data=form)


def test_every_path_parameter_is_known_to_the_matrix() -> None:
    assert len(TARGETS) > 20
    check_parameters(TARGETS)


def test_an_unknown_path_parameter_says_what_to_add() -> None:
    with pytest.raises(AssertionError, match="has a path parameter 'room' that is new here: add to PATH_VALUES"):
        check_parameters([Target("GET", "/chat/{room:str}")])


def test_every_channel_with_a_number_is_known_to_the_matrix() -> None:
    for pattern in PATTERNS:
        assert "{id}" not in pattern.name or pattern.name in CHANNEL_TABLES, (
            f"the channel {pattern.name} is new here: add to CHANNEL_TABLES in tests/test_isolation.py the table whose "
            f"rows its number names"
        )


@with_parameters
@pytest.mark.usefixtures("acme_stays_as_it_is")
async def test_what_acme_has_does_not_exist_in_globex(world: World, gil: httpx.AsyncClient, target: Target) -> None:
    check_parameters([target])
    own = {name: world.values[name][1] for name in target.parameters}
    theirs = {name: world.values[name][0] for name in target.parameters}
    for values in (theirs, *({**own, name: theirs[name]} for name in target.parameters)):
        path = target.fill(values)
        answer = await ask(gil, world, target, path)
        assert answer.status_code == 404, f"{target.method} {path} answered {answer.status_code}"
        check_marks(answer)


# A file that a page has had made, which is gone when it was taken: tests/records/test_exports.py asks for others'.
MADE_ONCE = {"/c/{slug:str}/exports/{key:str}"}
THERE = [one for one in TARGETS if one.parameters and one.method == "GET" and one.path not in MADE_ONCE]


@pytest.mark.parametrize("target", THERE, ids=name_of)
async def test_what_the_matrix_asks_for_is_there_in_acme(world: World, target: Target) -> None:
    for foreign in target.parameters:
        values = {name: world.values[name][0 if name == foreign else 1] for name in target.parameters}
        answer = await world.ana.get(target.fill(values))
        led = answer.headers.get("location", "/login").partition("?")[0] != "/login"
        assert answer.status_code == 200 or (answer.status_code == 303 and led), target.fill(values)


@without_parameters
@pytest.mark.usefixtures("acme_stays_as_it_is")
async def test_a_page_of_globex_shows_and_changes_nothing_of_acme(
    world: World, gil: httpx.AsyncClient, target: Target
) -> None:
    answer = await ask(gil, world, target, target.fill({name: own for name, (_, own) in PATH_VALUES.items()}))
    assert answer.status_code < 500
    check_marks(answer)


def check_marks(answer: httpx.Response) -> None:
    """Nothing of acme stands in an answer, but for what the form itself said."""
    text = answer.text.replace("ana@acme.test", "")
    assert [mark for mark in MARKS if re.search(rf"\b{re.escape(mark)}\b", text)] == []


@pytest.mark.alike
@all_targets
@pytest.mark.usefixtures("acme_stays_as_it_is")
async def test_without_a_session_of_acme_each_page_leads_to_the_sign_in(
    world: World, gil: httpx.AsyncClient, target: Target
) -> None:
    check_parameters([target])
    path = target.fill({name: world.values[name][1] for name in target.parameters})
    for headers in ({}, {"cookie": gil.headers["cookie"]}, {"cookie": "session=unknown"}):
        async with world.server.client("acme", **headers) as stranger:
            answer = await ask(stranger, world, target, path)
        assert answer.status_code == 303, f"{path} answered {answer.status_code} without a session"
        assert re.fullmatch(r"/login(\?next=.*)?", answer.headers["location"])
        assert "set-cookie" not in answer.headers


def test_each_public_page_is_there() -> None:
    assert {route.path for route in list_routes()} >= PUBLIC


@pytest.mark.parametrize(("purpose", "path"), [("password", "/password"), ("enter", "/enter")])
async def test_a_link_of_acme_opens_nothing_in_globex(world: World, purpose: Any, path: str) -> None:
    database = open_database(world.server.store.url)
    async with database.write(ACME) as transaction:
        member = await find_member(transaction, "ana@acme.test")
        assert member
        token = await make_token(transaction, member, purpose)
    await database.close()
    before = world.dump(ACME)
    async with world.server.client("globex") as stranger:
        typed = {"token": token, "password": "a new password for Ana"}
        for answer in (await stranger.post(path, data=typed), await stranger.get(f"/password?token={token}")):
            assert (answer.status_code, answer.headers["location"]) == (303, "/login?why=used")
            assert "set-cookie" not in answer.headers
    assert world.dump(ACME) == before
    if purpose == "password":
        assert (await world.ana.get(path, params={"token": token})).status_code == 200


async def test_what_gil_opens_is_written_down_as_opened_by_him(world: World, gil: httpx.AsyncClient) -> None:
    assert (await gil.get("/c/books")).status_code == 200
    await until(lambda: world.rows(f"SELECT 1 FROM visit WHERE tenant_id = {GLOBEX} AND kind = 'collection'"))
    opened = world.rows("SELECT v.tenant_id, v.member_id, m.email FROM visit v JOIN member m ON m.id = v.member_id")
    assert {(tenant, email) for tenant, _, email in opened} <= {
        (ACME, "ana@acme.test"),
        (ACME, "bruno@acme.test"),
        (GLOBEX, "gil@globex.test"),
    }


def channels_of(world: World, tenant: int, email: str) -> list[str]:
    """One channel of each pattern, with a number that is the tenant's."""
    found = []
    for pattern in PATTERNS:
        number = 0
        if pattern.name == "user.{id}":
            number = world.rows(f"SELECT id FROM member WHERE email = '{email}'")[0][0]
        elif "{id}" in pattern.name:
            table = CHANNEL_TABLES[pattern.name]
            number = world.rows(f"SELECT min(id) FROM {table} WHERE tenant_id = {tenant}")[0][0]
        found.append(pattern.name.replace("{id}", str(number)))
    return found


async def hello(socket: websockets.ClientConnection, channels: list[str], last: int) -> str:
    """Say hello, and return the answer to it."""
    await socket.send(json.dumps({"sub": " ".join(channels), "last": last, "n": 1}))
    async with asyncio.timeout(10):
        while True:
            frame = str(await socket.recv())
            if frame.startswith("<!--@1"):
                return frame


async def test_every_channel_with_a_number_of_acme_is_refused(world: World, gil: httpx.AsyncClient) -> None:
    own = channels_of(world, GLOBEX, "gil@globex.test")
    theirs = [name for name in channels_of(world, ACME, "ana@acme.test") if "." in name]
    assert len(theirs) == len(CHANNEL_TABLES)
    async with world.server.connect("globex", gil) as socket:
        answer = await hello(socket, own + theirs, 0)
    # What guests follow, who is none does not.
    assert set(re.findall(r"refused:(\S+?)(?:-->|\s)", answer)) == {*theirs, "guests"}
    for name in theirs:
        assert re.search(rf"refused .*channel={re.escape(name)} .*tenant=globex", world.server.log), name


async def test_what_acme_publishes_reaches_nobody_in_globex(world: World, gil: httpx.AsyncClient) -> None:
    own = channels_of(world, GLOBEX, "gil@globex.test")
    theirs = channels_of(world, ACME, "ana@acme.test")
    cursor = world.rows(f"SELECT cursor FROM tenant WHERE id = {GLOBEX}")[0][0]
    database = open_database(world.server.store.url)

    async def publish_both() -> None:
        """On every name that either may follow in acme's log, then a last word in globex's."""
        async with database.write(ACME) as transaction:
            for name in {*own, *theirs}:
                publish(transaction, name, "<i>of acme</i>")
        async with database.write(GLOBEX) as transaction:
            publish(transaction, "tenant", "<i>of globex</i>")

    async def read_to_the_last_word(socket: websockets.ClientConnection) -> str:
        frames = ""
        async with asyncio.timeout(10):
            while "of globex" not in frames:
                frames += str(await socket.recv())
        return frames

    async with world.server.connect("globex", gil) as socket:
        await hello(socket, own + theirs, cursor)
        await publish_both()
        assert "of acme" not in await read_to_the_last_word(socket)
    async with world.server.connect("globex", gil) as socket:
        await hello(socket, own + theirs, cursor)
        assert "of acme" not in await read_to_the_last_word(socket)
    await database.close()
