"""The program in this process, asked without a network and a server: what the processor does for each request."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import structlog

sys.path.insert(0, str(Path(__file__).parent.parent))

from app.accounts.members import Member, find_member
from app.accounts.sessions import add_session
from app.chat.limits import Pace, WritingLimit
from app.chat.memberships import Membership
from app.chat.rooms import Room
from app.database import Transaction
from app.database.fast import inline
from app.demo import seed_demo
from app.features import open_database
from app.migration import migrate_database
from app.records.collections import Collection
from app.records.fields import Field
from app.server.asgi import create_app
from app.settings import read_settings
from bench.workspace import gather_statistics

HOST = "acme.hero.localhost"
# What a page is asked for, by the name that it has in tables.
PAGES = {
    "home": "/",
    "list": "/c/books",
    "record": "/c/books/5",
    "room": "/chat/general",
    "inbox": "/notifications",
    "edit page": "/c/books/7/edit",
}
WRITES = ("save", "add", "post")
KINDS = ("static", *PAGES, *WRITES)
FIELD = re.compile(r'<input[^>]*name="(f\d+|lock-token|version|has-fields|key)"[^>]*value="([^"]*)"')
BY_SCRIPT = [(b"hx-request", b"true"), (b"sec-fetch-dest", b"empty"), (b"sec-fetch-site", b"same-origin")]


async def count_nothing(*_: Any) -> Pace:
    """No limit on how many messages somebody posts."""
    return Pace(None, 1)


class Program:
    """The program on a database of its own, and Ana, who asks it."""

    def __init__(self, gate: Any, token: str) -> None:
        self.gate = gate
        self.token = token
        self.number = 0
        self.static = ""

    async def ask(self, path: str, form: dict[str, str] | None = None, *, by_script: bool = False) -> tuple[int, str]:
        """The status and the text of an answer."""
        body = urlencode(form or {}).encode()
        headers = [(b"host", HOST.encode()), (b"origin", b"http://" + HOST.encode()), (b"accept", b"text/html")]
        headers += [(b"cookie", f"session={self.token}".encode()), (b"content-length", str(len(body)).encode())]
        headers += [(b"content-type", b"application/x-www-form-urlencoded"), *(BY_SCRIPT if by_script else ())]
        headers += [(b"x-page", b"bench")] if path.startswith("/chat") and form else []
        scope = {
            **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": ""},
            **{"method": "POST" if form is not None else "GET", "path": path, "raw_path": path.encode()},
            **{"query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)},
        }
        sent: list[Any] = []
        taken = False

        async def receive() -> dict[str, Any]:
            nonlocal taken
            if taken:
                await asyncio.Event().wait()
            taken = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.gate(scope, receive, send)
        return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:]).decode(errors="replace")

    async def measure(self, kind: str) -> float:
        """Do one thing; the milliseconds of the processor that it took."""
        self.number += 1
        path, form, wanted = PAGES.get(kind, self.static), None, 200
        if kind == "save":
            path, form, wanted = "/c/books/10/edit", await self.fill_form(), 303
        elif kind == "add":
            path, form, wanted = "/c/books/new", {self.field: f"Measured {self.number}"}, 303
        elif kind == "post":
            path, form = "/chat/general", {"key": f"k{self.number}", "text": f"Hello {self.number}"}
        by_script = kind not in ("static", "home", "list", "record", "room", "inbox", "post")
        began = time.process_time()
        status, text = await self.ask(path, form, by_script=by_script)
        took = (time.process_time() - began) * 1000
        if status != wanted:
            raise RuntimeError(f"{kind} was answered {status}: {text[:300]}")
        return took

    async def fill_form(self) -> dict[str, str]:
        """The form of a record that is edited, with another title."""
        _, text = await self.ask("/c/books/10/edit", by_script=True)
        form = {name: unescape(value) for name, value in FIELD.findall(text, max(0, text.find("<record-editor")))}
        self.field = next(name for name in form if name.startswith("f"))
        form[self.field] = re.sub(r" \d+$", "", form[self.field]) + f" {self.number}"
        return form

    async def measure_some(self, kind: str, times: int) -> list[float]:
        """Do one thing so many times."""
        return [await self.measure(kind) for _ in range(times)]

    async def count_statements(self, kind: str) -> int:
        """How many statements SQLite is asked for one thing, of which it is the second."""
        counted = 0
        run = inline.run_in_cursor

        def count(*arguments: Any) -> Any:
            nonlocal counted
            counted += 1
            return run(*arguments)

        await self.measure(kind)
        form = await self.fill_form() if kind == "save" else {}
        inline.run_in_cursor = count
        try:
            if kind == "save":
                await self.ask("/c/books/10/edit", form, by_script=True)
            else:
                await self.measure(kind)
        finally:
            inline.run_in_cursor = run
        return counted


async def fill_large(transaction: Transaction, ana: Member) -> None:
    """1,000 members more, 300 rooms of Ana's and 100 collections."""
    people = [{"email": f"m{n}@acme.test", "name": f"Member {n}", "password_hash": ""} for n in range(1000)]
    await transaction.insert_rows(Member, *people)
    rooms = [Room(slug=f"room-{n}", name=f"Room {n:03d}", kind="public", created_by_id=ana.id) for n in range(300)]
    collections = [Collection(slug=f"shelf-{n}", name=f"Shelf {n:02d}") for n in range(100)]
    transaction.add_all([*rooms, *collections])
    await transaction.flush()
    title = {"kind_name": "text", "label": "Title", "key": "title"}
    transaction.add_all([Membership(room_id=each.id, member_id=ana.id) for each in rooms])
    transaction.add_all([Field(**title, collection_id=each.id) for each in collections])


async def start(
    directory: Path, environment: dict[str, str] | None = None, owner_url: str = "", *, large: bool = False
) -> Program:
    """The program with the demo, warm, and with its garbage collected as rarely as the server's."""
    WritingLimit.count = count_nothing  # type: ignore[method-assign]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    base = {"DATA_DIR": str(directory), "BASE_URL": "http://hero.localhost", "SECRET_KEY": "x" * 40}
    settings = read_settings({**base, **(environment or {})})
    migrate_database(settings.database_url, owner_url)
    database = open_database(settings.database_url)
    await seed_demo(database)
    async with database.write(1) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        assert ana is not None
        token = await add_session(transaction, ana, address="192.0.2.1", agent="")
        if large:
            await fill_large(transaction, ana)
    await database.close()
    gate = create_app(settings)
    program = Program(gate, str(token))
    found = re.search(r'"(/static/[^"]+\.css)"', (await program.ask("/"))[1])
    program.static = found[1] if found else "/healthz"
    if large:  # the record that is saved has 500 revisions, and 100 messages show it
        await program.measure_some("save", 500)
        for number in range(100):
            text = f"See http://{HOST}/c/books/10"
            await program.ask("/chat/general", {"key": f"large{number}", "text": text})
    await gather_statistics(owner_url)
    for kind in KINDS:
        await program.measure_some(kind, 5)
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    return program


def quartile(values: Sequence[float]) -> float:
    """What a quarter of some values stay under: what the machine does beside it makes others larger, none smaller."""
    return sorted(values)[len(values) // 4]


def resident_megabytes() -> float:
    """How much memory this process has for itself."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1024 if os.name == "posix" else 0.0


async def main() -> None:
    """Print what each thing takes, as JSON; TEST_DATABASE and LARGE say where."""
    from tests.databases import Cluster, Store

    Cluster.SPEED = ""
    with tempfile.TemporaryDirectory() as directory:
        store = Store(Path(directory))
        store.ensure()
        large = bool(os.environ.get("LARGE"))
        program = await start(Path(directory), store.environment, store.owner_url, large=large)
        took: dict[str, list[float]] = {}
        for _ in range(int(os.environ.get("ROUNDS", "12"))):
            for kind in KINDS:
                took.setdefault(kind, []).extend(await program.measure_some(kind, 6))
        print(json.dumps({kind: quartile(values) for kind, values in took.items()}))
        sys.stdout.flush()
        store.drop()


if __name__ == "__main__":
    asyncio.run(main())
