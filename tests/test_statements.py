"""How many statements a request takes does not depend on how much there is.

Every route is asked of a workspace with one of everything and of one with a hundred. The matrix is made from the
program's own routes, so that a new one is covered without thinking of it; a new path parameter needs a line in
test_isolation.py. What a request changes is undone.
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import greenlet
import httpx
import pytest
from litestar.routes import HTTPRoute
from PIL import Image
from sqlalchemy import CompoundSelect, Delete, Select, Update
from sqlalchemy.sql.compiler import SQLCompiler

from app.database import Database, Transaction
from app.database.fast import inline
from app.demo import OPERATOR, PASSWORD
from app.features import open_database
from app.files.uploads import path_of, preview_of
from app.server.asgi import create_app
from tests.databases import Store
from tests.plenty import KEY, LAPSED, Plenty, fill_installation
from tests.statements import noting_statements
from tests.test_forms import MEANT
from tests.test_isolation import SETTINGS, Target, list_routes

ACME = 1
FEW, MANY = 1, 100
# What is asked only where there is something at all (the messages that others answer, say).
TOLERATED = 3
# What takes more statements for more, with how many more at most. Each record is written by a statement of its own,
# which checks its version and lock: of many, some may be refused. One that an import changes also has its unique values
# looked for, and gets its keys and its revision, as the next may want a unique value that it had. (At most 50 are
# deleted at once, and 2,000 imported, some of them in each transaction.)
GROWS = {
    "POST /c/{slug:str}/delete": 50,
    # On PostgreSQL one activity is written with its notifications in one statement, and many in some more.
    "POST /c/{slug:str}/bin/restore": 49 + TOLERATED,
    "POST /c/{slug:str}/import": 1_250,  # where records have a hundred fields, three lines in each transaction
}
APP = "/app/"
# What still makes statements anew in requests: because what it asks has many forms, or because it is done seldom. Those
# of records are made when an admin changes who may do what, and look for all whom that concerns; or when one changes
# the kind of a field, and write a value of their own into each record.
STILL_MADE = (
    "editing/waiting.py leave_queues",
    "database/tenancy.py",
    "records/lost_rights.py read_affected",
    "records/lost_rights.py take_rights_back",
    "records/lost_rights.py whom",
    "records/converting.py convert_batch",
    "records/kind_changes.py finish_change",
)
# The parameters of addresses that no workspace has rows for.
FILES = {"path": "css/base.css"}
# What is typed where a form that is meant takes something of its own.
TYPED: dict[str, dict[str, Any]] = {
    "/account/tokens": {"name": "nightly", "scopes": "records:read", "ends": "30"},
    "/settings/apps": {"name": "Front end", "role": "member", "scopes": "records:read"},
    "/settings/apps/{app_id:int}": {"origins": "https://example.org"},
    "/settings/apps/{app_id:int}/webhook": {"address": "https://hooks.invalid/", "kinds": "presence"},
    "/settings/webhooks": {"address": "https://hooks.invalid/", "kinds": "record.*", "collections": "books"},
    "/settings/webhooks/{webhook_id:int}/replay": {"from": "1"},
    "/settings/webhooks/{webhook_id:int}/skip": {"cursor": "1"},
    "/chat/{slug:str}/incoming": {"name": "Build server"},
    "/account/password": {"password": PASSWORD, "new_password": "a long enough password"},
    "/c/{slug:str}/archive": {"archived": "yes"},
    "/c/{slug:str}/fields": {"kind": "text", "label": "Shelf mark"},
    "/c/{slug:str}/fields/{key:str}": {"label": "Its title"},
    "/c/{slug:str}/fields/{key:str}/fill": {"f1": "Untitled"},
    "/c/{slug:str}/fields/{key:str}/kind": {"kind": "long_text"},
    "/c/{slug:str}/new/draft": {"title": "Typed"},
    "/c/{slug:str}/permissions": {"member-browse": "yes", "member-read": "yes", "member-edit": "own"},
    "/c/{slug:str}/guests": {"person": "outside@acme.test"},
    "/c/{slug:str}/{number:int}/lock/ask": {},
    "/chat/{slug:str}/archive": {"archived": "yes"},
    "/chat/{slug:str}/messages/{number:int}/edit": {"text": "Needle, changed, @Bruno: #40"},
    "/find": {"email": "bruno@acme.test"},
    "/go": {"slug": "acme"},
    "/login": {"email": "bruno@acme.test", "password": PASSWORD},
    "/operator/login": {"email": OPERATOR, "password": PASSWORD},
    "/operator/workspaces/{slug:str}/suspend": {"sure": "yes", "reason": "Unpaid"},
    "/signup": {
        **{"workspace": "Third", "slug": "third", "language": "en", "time_zone": "UTC"},
        **{"name": "Dora", "email": "dora@third.test", "password": "a long enough password"},
    },
}
# Which field of a form takes a file.
BRINGS = {
    "/account/picture": "picture",
    "/settings/logo": "picture",
    "/settings/apps/{app_id:int}/picture": "picture",
    "/chat/{slug:str}/files": "file",
    "/discussion/{subject:str}/files": "file",
    "/c/{slug:str}/files/{key:str}": "file",
    "/c/{slug:str}/import/file": "file",
}
# Whose things some addresses are about.
OTHERS = {f"/operator/workspaces/{{slug:str}}/{verb}": {"slug": "globex"} for verb in ("suspend", "restore")}
OTHERS["/c/{slug:str}/files/{key:str}"] = {"key": "pictures"}
# What can't be answered as it is meant to here, and why.
REFUSED = {
    "GET /c/{slug:str}/exports/{key:str}": "a file that a page has had made a moment ago",
    "GET /confirm": "a link's token, which is stored nowhere",
    "POST /confirm": "a link's token, which is stored nowhere",
    "GET /join": "a link's token, which is stored nowhere",
    "POST /join": "a link's token, which is stored nowhere",
    "GET /unsubscribe": "a mail's token",
    "POST /unsubscribe": "a mail's token",
    "GET /metrics": "asked for at an address of its own",
    "central GET /metrics": "asked for at an address of its own",
    "central GET /certificate": "asked for by the proxy",
    "POST /account/leave": "the only owner can't",
    "POST /c/{slug:str}/{number:int}/queue/stay": "only who waits",
}


def make_picture() -> bytes:
    """A small picture."""
    made = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(made, "PNG")
    return made.getvalue()


PICTURE = make_picture()
# What is no picture.
BROUGHT = {"/c/{slug:str}/import/file": ("table.csv", b"Title\nIracema\n", "text/csv")}


def list_targets(central: bool) -> list[Target]:
    """Every method of every page of workspaces, or of the central host."""
    return [
        Target(method, route.path)
        for route in list_routes(central=central)
        if isinstance(route, HTTPRoute)
        for method in sorted(set(route.methods) - {"OPTIONS", "HEAD"})
    ]


TARGETS = [(central, target) for central in (False, True) for target in list_targets(central)]


@dataclass
class World:
    """The program, with so many of everything in acme."""

    database: Database
    client: httpx.AsyncClient
    operator: httpx.AsyncClient
    values: dict[str, str]
    numbers: str
    asked: list[tuple[str, Any]]

    async def ask(self, central: bool, target: Target) -> tuple[int, list[str]]:
        """The status of an answer, and the statements that it took."""
        values = {**self.values, **OTHERS.get(target.path, {})}
        if "/chat/" in target.path:
            values["number"] = "1"
        elif target.path.endswith("/{number:int}/restore"):
            values["number"] = self.values["binned"]
        client = self.operator if central else self.client
        self.asked.clear()
        with undoing():
            answer = await client.request(target.method, target.fill(values), **self.typed(target))
        return answer.status_code, [statement for statement, _ in self.asked]

    def typed(self, target: Target) -> dict[str, Any]:
        """What a form is sent: what belongs into fields of these names, but where that would be refused."""
        if target.method == "GET":
            return {}
        if target.path in BRINGS:
            brought = BROUGHT.get(target.path, ("dot.png", PICTURE, "image/png"))
            return {"files": {BRINGS[target.path]: brought}}
        form: dict[str, Any] = {**MEANT, "version": self.values["current"], "notes": "Typed"}
        if target.path == "/c/{slug:str}/delete":
            form = {"record": [f"{number}:1" for number in self.numbers.split(",")]}
        elif target.path == "/c/{slug:str}/bin/restore":
            first, count = int(self.values["binned"]), self.numbers.count(",") + 1
            form = {"record": [f"{number}:1" for number in range(first, first + min(count, 50))]}
        elif target.path == "/c/{slug:str}/import":
            numbers = self.numbers.split(",")
            lines = "".join(f";Added {number}\n{number};Changed\n" for number in numbers)
            form = {"table": f"Number;Title\n{lines}", "seen": " ".join(f"{number}:1" for number in numbers)}
        elif target.path == "/c/{slug:str}/{number:int}/restore":
            form["version"] = "1"
        elif target.path == "/c/{slug:str}/{number:int}/lock/renew":
            form = {"version": self.values["current"], "lock-token": str(LAPSED)}
        elif target.path in ("/chat/direct", "/chat/{slug:str}/invite"):
            form["person"] = f"#{self.values['bruno']}"
        elif target.path == "/c/{slug:str}/guests/remove":
            form["person"] = self.values["guest"]
        elif target.path in ("/files/take-out", "/files/hold"):
            form["upload"] = KEY
        elif target.path == "/settings/webhooks/{webhook_id:int}/again":
            form["delivery"] = self.values["delivery"]
        elif target.path == "/settings/apps/{app_id:int}/deliveries/again":
            form["delivery"] = self.values["app_delivery"]
        elif target.path == "/notifications/mute":
            form["subject"] = self.values["subject"]
        return {"data": TYPED.get(target.path, form)}


@pytest.fixture(scope="module")
def asked() -> Iterator[list[tuple[str, Any]]]:
    """The statements that the database was given, with their parameters."""
    with noting_statements() as noted, pytest.MonkeyPatch.context() as patch:
        patch.setattr(inline, "TIME_BUDGET", 60)  # what is interrupted is asked twice
        yield noted


@contextmanager
def undoing() -> Iterator[None]:
    """Undo what requests change, where they would commit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transaction, "commit", undo)
        yield


async def undo(transaction: Transaction) -> None:
    """Undo a transaction; what is announced of it still finds its objects."""
    transaction.expunge_all()
    await transaction.rollback()


@pytest.fixture(scope="module")
async def worlds(
    seeded: Store, asked: list[tuple[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[World, World]]:
    """Two installations that differ only in how much there is."""
    few = await make_world(seeded, tmp_path_factory.mktemp("few"), FEW, asked)
    many = await make_world(seeded, tmp_path_factory.mktemp("many"), MANY, asked)
    yield few, many
    for world in (few, many):
        await world.client.aclose()
        await world.operator.aclose()
        await world.database.close()


async def make_world(seeded: Store, directory: Path, count: int, asked: list[tuple[str, Any]]) -> World:
    store = seeded.copy_to(directory)
    for kind in ("files", "pictures"):
        for path in (path_of(directory / kind / str(ACME), KEY), preview_of(directory / kind / str(ACME), KEY)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(PICTURE)
    database = open_database(store.url)
    async with database.write(ACME) as transaction:
        plenty = Plenty(transaction, count)
        values, token = await plenty.fill()
    async with database.write() as transaction:
        operator = await fill_installation(transaction, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.server.asgi.open_database", lambda _: database)  # which is closed at the end
        settings = replace(SETTINGS, database_url=store.url, data_dir=directory, secret_key="x" * 40)
        application: Any = create_app(settings)

    def client(host: str, cookie: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application),
            base_url=f"http://{host}",
            headers={"origin": f"http://{host}", "sec-fetch-site": "same-origin", "cookie": cookie},
        )

    return World(
        database,
        client(f"acme.{SETTINGS.base_host}", f"{SETTINGS.session_cookie}={token}"),
        client(SETTINGS.base_host, f"{SETTINGS.operator_cookie}={operator}"),
        {
            **values,
            **FILES,
            "current": str(plenty.record.version),
            "bruno": str(plenty.bruno.id),
            "guest": str(plenty.guests[0]),
            "binned": plenty.binned,
            "delivery": plenty.delivery,
            "app_delivery": plenty.app_delivery,
        },
        ",".join(map(str, plenty.numbers)),
        asked,
    )


def name_of(asked: tuple[bool, Target]) -> str:
    return f"{'central ' if asked[0] else ''}{asked[1].method} {asked[1].path}"


@pytest.mark.parametrize("asked_for", TARGETS, ids=name_of)
async def test_a_request_takes_as_many_statements_for_a_hundred_of_everything_as_for_one(
    worlds: tuple[World, World], asked_for: tuple[bool, Target]
) -> None:
    answers = [await world.ask(*asked_for) for world in worlds]
    (few_status, few), (many_status, many) = answers
    assert few_status == many_status
    assert (few_status < 400) == (name_of(asked_for) not in REFUSED), f"{few_status}: {REFUSED.get(name_of(asked_for))}"
    more = Counter(words[:200] for words in many) - Counter(words[:200] for words in few)
    most = len(few) + GROWS.get(name_of(asked_for), TOLERATED)
    assert len(many) <= most, f"{len(few)} statements for {FEW}, {len(many)} for {MANY}: " + "\n".join(
        f"{times} × {words}" for words, times in more.most_common(12)
    )


def list_files(frame: Any) -> Iterator[str]:
    """The files of a frame and of those that called it."""
    while frame:
        yield frame.f_code.co_filename
        frame = frame.f_back


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many statements were made or compiled, by the function of ours that did."""
    counted: Counter[str] = Counter()

    def note(original: Any) -> Any:
        def make(self: Any, *arguments: Any, **named: Any) -> None:
            frame: Any = sys._getframe(1)
            if (outer := greenlet.getcurrent().parent) is not None and not any(
                APP in each for each in list_files(frame)
            ):
                frame = outer.gr_frame
            while frame.f_back and APP not in frame.f_code.co_filename:
                frame = frame.f_back
            counted[f"{frame.f_code.co_filename.partition(APP)[2]} {frame.f_code.co_name}"] += 1
            original(self, *arguments, **named)

        return make

    for each in (Select, Update, Delete, CompoundSelect, SQLCompiler):
        monkeypatch.setattr(each, "__init__", note(each.__init__))
    return counted


async def test_no_request_makes_or_compiles_a_statement_that_was_made_before(
    worlds: tuple[World, World], made: Counter[str]
) -> None:
    found: dict[str, list[str]] = {}
    for asked_for in TARGETS:
        for _ in range(2):
            made.clear()
            await worlds[0].ask(*asked_for)
        for maker in made:
            if maker.startswith(STILL_MADE):
                continue
            found.setdefault(maker, []).append(name_of(asked_for))
    assert found == {}, "\n".join(f"{maker}: {', '.join(routes)}" for maker, routes in sorted(found.items()))
