"""Taking records out: what comes, who gets it, and what an export holds while it goes on."""

from __future__ import annotations

import asyncio
import csv
import html
import io
import json
import os
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from unittest import mock

import httpx
import pytest
from sqlalchemy import select

from app.accounts.exporting import EXPORTS_A_MINUTE, EXPORTS_AT_ONCE
from app.accounts.members import find_member
from app.database import Database, Transaction
from app.features import open_database
from app.records import exports
from app.records.adding import create_records
from app.records.collections import Collection, create_collection, get_collection
from app.records.definitions import add_field
from app.records.fields import list_fields
from app.records.import_writing import ImportReport, write_lines
from app.records.imports import parse_import, plan_import
from app.records.kinds import FIELD_KINDS
from app.records.lists import list_records, read_view
from app.records.making import forget_made
from app.records.records import Record
from tests import test_statements
from tests.conftest import Server
from tests.databases import KIND, Store
from tests.fields import AUTHOR, YEAR
from tests.records.test_definitions import add, change, make_tools
from tests.test_statements import make_world
from tests.waiting import until

ACME = 1
asked = test_statements.asked

CHOICES = ["=red", "'=green", "@blue", "plain"]
HOSTILE = [
    *('say "yes"', 'a,b;c\td|e"', "one\u2028two", "=1+2", "+1", "-1", "@sum", "'=1", "''+1", "'plain", "＝1", "\x85x"),
    *("=cmd|' /C calc'!A0", "<r>x</r>", "#1", "sep=;", "0123", "Não", "NULL", "x" * 500),
]
# What is typed into each kind of field, as often as there are hostile texts.
TYPED: dict[str, Sequence[str]] = {
    "text": HOSTILE,
    "long_text": [f"{text}\n{text}\n\n{text}" for text in HOSTILE],
    "whole_number": ["-999999999999999", "0", "7", ""],
    "decimal": ["-1.50", "0.0000000001", "123456789012345.0000000001", ""],
    "date": ["0001-01-01", "2026-02-28", "9999-12-31", ""],
    "yes_no": ["yes", ""],
    "choice": [*CHOICES, ""],
    "choices": ["\n".join(CHOICES), CHOICES[0], ""],
    "money": ["-1.50", "1234567.89", ""],
    "moment": ["2026-02-28T14:05", "0001-01-01 00:00", ""],
    "duration": ["-0:05", "100:00", ""],
    "phone": ["+55 (11) 98765-4321", ""],
    "rating": ["5", "1", ""],
    "person": ["Ana", "bruno@acme.test", ""],
    **{name: [""] for name, kind in FIELD_KINDS.items() if not kind.is_typed},
    "email": ["+ana@acme.test", "ana@acme.test", ""],
    "link": ["https://acme.test/?a=1;b=2,3", "http://acme.test/'\"", ""],
}


@pytest.fixture
async def opened(shared_server: Server) -> AsyncIterator[Database]:
    """The server's database, as the program opens it."""
    made = open_database(shared_server.store.url)
    yield made
    await made.close()


@pytest.fixture
async def opened_alone(server: Server) -> AsyncIterator[Database]:
    """Likewise of a test's own server."""
    made = open_database(server.store.url)
    yield made
    await made.close()


async def fill(database: Database, slug: str, kinds: dict[str, str], rows: Sequence[dict[str, str]]) -> None:
    """Make a collection with fields by their kinds, and records in it."""
    async with database.write(ACME) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        assert ana
        collection = await create_collection(transaction, name=slug, slug=slug)
        for label, kind in kinds.items():
            choices = CHOICES if FIELD_KINDS[kind].has_choices else []
            options = {"currency": "BRL"} if kind == "money" else {}
            await add_field(transaction, collection, label=label, kind_name=kind, choices=choices, options=options)
        await create_records(transaction, collection, rows, ana)


def lines_of(answer: httpx.Response) -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("language", ["en", "pt_BR"])
async def test_an_exported_table_is_imported_with_every_line_the_same(
    shared_server: Server, opened: Database, language: str
) -> None:
    slug = f"hostile-{language[:2]}"
    rows = [{kind: typed[n % len(typed)] for kind, typed in TYPED.items()} for n in range(len(HOSTILE))]
    assert set(TYPED) == set(FIELD_KINDS)
    await fill(opened, slug, {kind.replace("_", " "): kind for kind in TYPED}, rows)
    form = {"name": "Biblioteca Acme", "session_days": "30"}
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
        assert (await ana.post("/settings", data=form | {"language": language})).status_code == 303
        answer = await ana.get(f"/c/{slug}/export.csv")
        assert (await ana.post("/settings", data=form | {"language": "en"})).status_code == 303
    delimiter = ";" if language == "pt_BR" else ","
    assert answer.content.decode("utf-8-sig").startswith(f'"#"{delimiter}"text"')
    async with opened.read(ACME) as transaction:
        transaction.tenant.language = language
        collection = await get_collection(transaction, slug)
        member = await find_member(transaction, "ana@acme.test")
        assert member
        plan = await plan_import(transaction, collection, member, parse_import(answer.content.decode()))
    assert [(line.at, line.errors, line.differences) for line in plan.lines if line.what != "same"] == []
    assert len(plan.lines) == len(HOSTILE)


@pytest.mark.parametrize("language", ["en", "pt_BR"])
async def test_exported_json_changes_nothing_here_and_is_the_same_in_an_empty_collection(
    shared_server: Server, opened: Database, language: str
) -> None:
    rows = [{kind: typed[n % len(typed)] for kind, typed in TYPED.items()} for n in range(len(HOSTILE))]
    kinds = {kind.replace("_", " "): kind for kind in TYPED}
    slugs = f"full-{language[:2]}", f"empty-{language[:2]}"
    await fill(opened, slugs[0], kinds, rows)
    await fill(opened, slugs[1], kinds, [])
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
        first = (await ana.get(f"/c/{slugs[0]}/export.json")).text
        async with opened.write(ACME) as transaction:
            transaction.tenant.language, before = language, transaction.tenant.language
            member = await find_member(transaction, "ana@acme.test")
            assert member
            same = await plan_import(
                transaction, await get_collection(transaction, slugs[0]), member, parse_import(first)
            )
            assert [(line.errors, line.differences) for line in same.lines if line.what != "same"] == []
            empty = await get_collection(transaction, slugs[1])
            plan = await plan_import(transaction, empty, member, parse_import(first))
            assert [line.errors for line in plan.lines if line.errors] == []
            report = ImportReport()
            await write_lines(transaction, empty, member, plan, plan.lines, {}, report)
            transaction.tenant.language = before
        second = (await ana.get(f"/c/{slugs[1]}/export.json")).text
    computed = {kind for kind, of in FIELD_KINDS.items() if of.computed}

    def typed_in(text: str) -> list[tuple[int, dict[str, object]]]:
        records = json.loads(text)["records"]
        return [
            (each["number"], {key: value for key, value in each["values"].items() if key not in computed})
            for each in records
        ]

    assert report.added == len(HOSTILE)
    assert typed_in(second) == typed_in(first)


async def read_list(transaction: Transaction, collection: Collection, query: str, sort: str) -> list[int]:
    """The numbers of a list, from all its pages."""
    fields = await list_fields(transaction, collection)
    found: list[int] = []
    pages = 1
    for page in range(1, 100):
        if page <= pages:
            listing = await list_records(transaction, collection, fields, read_view(fields, query, sort, str(page)))
            pages = listing.pages
            found += [record.number for record in listing.records]
    return found


async def test_what_comes_is_the_list_as_one_sees_it_on_all_its_pages(shared_server: Server, opened: Database) -> None:
    rows = [{"name": f"Thing {n % 7}", "count": str(n % 50) if n % 3 else ""} for n in range(2 * 500 + 7)]
    await fill(opened, "many", {"Name": "text", "Count": "whole_number"}, rows)
    asked_for = [
        ("", ""),
        ("", "number"),
        ("", "-count"),
        ("", "name"),
        ("thing 3", "count"),
        ("nowhere", ""),
        ("", "?"),
    ]
    async with aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi:
        for query, sort in asked_for:
            answer = await davi.get("/c/many/export.csv", params={"q": query, "sort": sort, "page": "3"})
            found = [int(line[0]) for line in lines_of(answer)[1:]]
            async with opened.read(ACME) as transaction:
                collection = await get_collection(transaction, "many")
                assert found == await read_list(transaction, collection, query, sort), (query, sort)
        whole = (await davi.get("/c/many/export.json")).json()["records"]
    assert len(whole) == len(rows)
    assert (whole[0]["number"], whole[0]["created_by"], whole[0]["changed_by"]) == (len(rows), "Ana", "Ana")


async def test_what_is_empty_comes_last_in_both_directions_on_all_pages(
    shared_server: Server, opened: Database
) -> None:
    counts = [str(n % 50) if n % 3 else "" for n in range(173)]
    rows = [{"name": f"Thing x{n % 7}", "count": count, "done": "yes" * (n % 2)} for n, count in enumerate(counts)]
    await fill(opened, "sorted", {"Name": "text", "Count": "whole_number", "Done": "yes_no"}, rows)
    filled = [number for number, count in enumerate(counts, 1) if count]
    empty = [number for number, count in enumerate(counts, 1) if not count]

    def by_count(number: int) -> tuple[int, int]:
        return int(counts[number - 1]), number

    def by_tick(number: int) -> tuple[bool, int]:
        return number % 2 == 1, number

    upwards, downwards = sorted(filled, key=by_count) + empty, sorted(filled, key=by_count, reverse=True) + empty[::-1]
    ticked = sorted(range(1, 174), key=by_tick)
    wanted = {"count": upwards, "-count": downwards, "done": ticked, "-done": ticked[::-1]}
    async with opened.read(ACME) as transaction:
        collection = await get_collection(transaction, "sorted")
        for sort, order in wanted.items():
            assert await read_list(transaction, collection, "", sort) == order, sort
            found = [number for number in order if rows[number - 1]["name"] == "Thing x3"]
            assert await read_list(transaction, collection, "x3", sort) == found, sort
    async with aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi:
        for sort, order in wanted.items():
            lines = lines_of(await davi.get(f"/c/sorted/export.csv?sort={sort}"))
            assert [int(line[0]) for line in lines[1:]] == order, sort


async def test_the_columns_of_ones_own_list_come_in_their_order_and_all_of_them_beside(server: Server) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        links = re.findall(r'href="(/c/books/export[^"]*)"', (await ana.get("/c/books?q=machado")).text)
        assert [html.unescape(link) for link in links] == [
            f"/c/books/export.{format_name}?q=machado" for format_name in ("csv", "xlsx", "json")
        ]
        chosen = {"column": [YEAR, AUTHOR], f"place-{YEAR}": "2", f"place-{AUTHOR}": "3"}
        assert (await ana.post("/c/books/columns", data=chosen)).status_code == 303
        page = (await ana.get("/c/books")).text
        links = [html.unescape(link) for link in re.findall(r'href="(/c/books/export[^"]*)"', page)]
        assert links == [
            f"/c/books/export.{format_name}{query}"
            for query in ("?columns=own", "")
            for format_name in ("csv", "xlsx", "json")
        ]
        own, sorted_too, every, parts = [
            lines_of(await ana.get(f"/c/books/export.csv{query}"))[0]
            for query in ("?columns=own", "?columns=own&sort=isbn", "", "?columns=other")
        ]
        assert own == ["#", "Title", "Year", "Author"]
        assert sorted_too == [*own, "ISBN"]
        assert len(every) == 8
        assert parts == every
        found = json.loads((await ana.get("/c/books/export.json?columns=own")).text)
        assert list(found["records"][0]["values"]) == ["title", "year", "author"]
    noted = server.store.rows("SELECT after FROM audit_entry WHERE what = 'records.exported' ORDER BY id")
    assert noted[0][0].endswith("csv columns=own")


async def test_json_has_the_whole_definition_of_each_field(server: Server) -> None:
    said = {"label": "Notes", "help": "How it looks", "default": "As new", "read_only_for": "member"}
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        assert (await ana.post("/c/books/fields/notes", data=said)).status_code == 303
        exported = (await ana.get("/c/books/export.json")).json()
    (notes,) = (field for field in exported["collection"]["fields"] if field["key"] == "notes")
    assert (notes["name"], notes["help"], notes["default"]) == ("Notes", "How it looks", "As new")
    assert notes["read_only_for"] == ["member"]
    assert (notes["kind"], notes["required"], notes["unique"]) == ("long_text", False, False)


async def test_a_file_is_called_by_collection_and_day_and_no_page(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", "carla@acme.test")) as carla:
        for name in ("csv", "xlsx", "json"):
            answer = await carla.get(f"/c/books/export.{name}")
            disposition = answer.headers["content-disposition"]
            assert re.match(rf'attachment; filename="books-\d{{4}}-\d\d-\d\d\.{name}"', disposition)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"


async def test_whoever_may_not_read_gets_nothing_and_nothing_is_noted(shared_server: Server) -> None:
    before = shared_server.store.rows("SELECT count(*) FROM audit_entry WHERE what = 'records.exported'")
    async with (
        aclosing(shared_server.let_in("globex", "gil@globex.test")) as gil,
        shared_server.client("acme") as nobody,
        aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana,
    ):
        shared_server.store.rows(
            "INSERT INTO collection (tenant_id, slug, name, icon, last_number, total, created_at)"
            " SELECT tenant_id, 'gone', 'Gone', 'box', 0, 0, created_at FROM collection WHERE tenant_id = 1 LIMIT 1"
        )
        assert (await ana.head("/c/gone/export.csv")).status_code == 200
        shared_server.store.rows("DELETE FROM collection WHERE slug = 'gone'")
        for name in ("csv", "xlsx", "json"):
            refused = await nobody.get(f"/c/books/export.{name}?q=a")
            assert (refused.status_code, refused.headers["location"]) == (
                303,
                f"/login?next=%2Fc%2Fbooks%2Fexport.{name}%3Fq%3Da",
            )
            assert (await ana.get(f"/c/gone/export.{name}")).status_code == 404
            assert (await gil.get(f"/c/many/export.{name}")).status_code == 404
            theirs = {"cookie": ana.headers["cookie"]}
            async with shared_server.client("globex", **theirs) as elsewhere:
                assert (await elsewhere.get(f"/c/books/export.{name}")).status_code == 303
    assert shared_server.store.rows("SELECT count(*) FROM audit_entry WHERE what = 'records.exported'") == before


async def test_the_audit_log_says_who_exported_how_many_of_what_and_nobody_is_told(server: Server) -> None:
    told = server.store.rows("SELECT count(*) FROM notification")
    async with aclosing(server.let_in("acme", "carla@acme.test")) as carla:
        lines = lines_of(await carla.get("/c/books/export.csv?q=machado&sort=-title"))
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        log = (await ana.get("/audit?what=records.exported")).text
    said = " ".join(re.sub(r"<[^>]+>", " ", log).split())
    assert f"Carla exported records of Books : {len(lines) - 1} as CSV: q=machado&amp;sort=-f1" in said
    assert server.store.rows("SELECT count(*) FROM notification") == told


LONG = 12_000


@pytest.fixture(scope="module")
async def large(shared_server: Server) -> str:
    """A collection whose exports are larger than what the system keeps for a connection."""
    database = open_database(shared_server.store.url)
    rows = [{"name": str(n), "story": secrets.token_hex(LONG // 2)} for n in range(1200)]
    await fill(database, "large", {"Name": "text", "Story": "long_text"}, rows)
    await database.close()
    return "/c/large/export"


@contextmanager
def reading_nothing(server: Server, client: httpx.AsyncClient, path: str) -> Iterator[socket.socket]:
    """Ask for something, and don't take it."""
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((server.address, server.port))
        slow.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {server.host('acme')}\r\nCookie: {client.headers['cookie']}\r\n\r\n".encode()
        )
        yield slow


async def first_bytes(slow: socket.socket) -> bytes:
    return await asyncio.to_thread(slow.recv, 100)


async def test_who_reads_slowly_holds_neither_the_writer_nor_a_snapshot(shared_server: Server, large: str) -> None:
    async def holds_nothing() -> bool:
        if KIND == "sqlite":
            [(busy, *_)] = shared_server.store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
            return busy == 0
        [(count,)] = shared_server.store.rows(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        )
        return count == 0

    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
        with reading_nothing(shared_server, ana, f"{large}.csv") as slow:
            assert (await first_bytes(slow)).startswith(b"HTTP/1.1 200")
            added = await ana.post("/c/large/new", data={"name": "Meanwhile"})
            assert added.status_code == 303
            await until(holds_nothing)
            added = await ana.post("/c/large/new", data={"name": "Meanwhile"})
            assert added.status_code == 303
            await until(holds_nothing)


def open_exports(server: Server) -> list[str]:
    """The files of exports that the server has open, also those without a name."""
    assert server.process
    links = Path(f"/proc/{server.process.pid}/fd").iterdir()
    found = []
    for link in links:
        try:
            found.append(str(link.readlink()))
        except FileNotFoundError:
            continue
    return [each for each in found if f"{server.data_dir}/exports/" in each]


def named_exports(server: Server) -> list[Path]:
    return list((server.data_dir / "exports").glob("*/*"))


async def test_nothing_is_left_of_a_workbook_whose_reader_goes_away(shared_server: Server, large: str) -> None:
    async with aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno:
        with reading_nothing(shared_server, bruno, f"{large}.xlsx") as slow:
            assert (await first_bytes(slow)).startswith(b"HTTP/1.1 200")
            assert all(each.endswith("(deleted)") for each in open_exports(shared_server))
            assert len(open_exports(shared_server)) == 1
            assert named_exports(shared_server) == []
        await until(lambda: not open_exports(shared_server))
        with reading_nothing(shared_server, bruno, f"{large}.xlsx"):
            await until(lambda: named_exports(shared_server))
        await until(lambda: not open_exports(shared_server) and not named_exports(shared_server))


async def test_one_person_has_so_many_exports_at_once_and_others_theirs(shared_server: Server, large: str) -> None:
    async with (
        aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi,
        aclosing(shared_server.let_in("acme", "carla@acme.test")) as carla,
    ):
        slow = [reading_nothing(shared_server, davi, f"{large}.csv") for _ in range(EXPORTS_AT_ONCE)]
        for each in slow:
            await first_bytes(each.__enter__())
        refused = await davi.get("/c/books/export.csv")
        assert (refused.status_code, "retry-after" in refused.headers) == (429, True)
        assert "Too many exports" in refused.text
        assert (await carla.get("/c/books/export.csv")).status_code == 200
        for each in slow:
            each.__exit__(None, None, None)

        async def may_again() -> bool:
            return (await davi.get("/c/books/export.csv")).status_code == 200

        await until(may_again)


async def test_one_person_exports_so_often_in_a_minute(server: Server) -> None:
    async with aclosing(server.let_in("acme", "davi@acme.test")) as davi:
        answer = await davi.get("/c/books")
        allowed = -1
        while answer.status_code == 200 and allowed < 10 * EXPORTS_A_MINUTE.amount:  # some fade on a slow machine
            answer = await davi.get("/c/books/export.json")
            allowed += 1
    assert answer.status_code == 429
    assert '<nav class="side"' in answer.text, "the page that says so is one of the workspace"
    assert allowed >= EXPORTS_A_MINUTE.amount


async def test_an_export_is_cut_off_when_its_session_ends_and_is_not_taken_for_whole(
    shared_server: Server, large: str
) -> None:
    async with (
        aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana,
        ana.stream("GET", f"{large}.json") as answer,
    ):
        pieces = answer.aiter_raw(1000)
        await anext(pieces)
        async with shared_server.client("acme", cookie=ana.headers["cookie"]) as same:
            assert (await same.post("/logout")).status_code == 303
        with pytest.raises(httpx.RemoteProtocolError):
            async for _ in pieces:
                pass


async def test_statements_grow_with_batches_alone(
    seeded: Store, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await make_world(seeded, tmp_path, 1, asked)
    counts: dict[tuple[str, int], int] = {}
    for name in ("csv", "json", "xlsx"):
        for size in (20, 10, 5):
            monkeypatch.setattr(exports, "EXPORT_BATCH", size)
            asked.clear()
            answer = await world.client.get(f"/c/books/export.{name}?sort=title")
            assert answer.status_code == 200, answer.text
            counts[name, size] = len(asked)
    async with world.database.read(ACME) as transaction:
        books = len(
            (
                await transaction.scalars(
                    select(Record.id).where(Record.collection_id == 1, Record.deleted_at.is_(None))
                )
            ).all()
        )
    await world.client.aclose()
    await world.operator.aclose()
    await world.database.close()
    batches = {size: books // size + 1 for size in (20, 10, 5)}
    for name in ("csv", "json", "xlsx"):
        more = counts[name, 10] - counts[name, 20], counts[name, 5] - counts[name, 10]
        each = more[0] // (batches[10] - batches[20])
        assert more == (each * (batches[10] - batches[20]), each * (batches[5] - batches[10])), counts
        # beginning, workspace, session, collection, fields, who is in the workspace, and the records
        assert each <= 7


async def test_rows_that_stay_where_they_are_come_once_whatever_changes_meanwhile(
    shared_server: Server, opened: Database
) -> None:
    """Between two batches records are added, deleted and moved; all others come, each once."""
    rows = [
        {"name": f"{n:04d} {secrets.token_hex(LONG // 8)}"[:500], "story": secrets.token_hex(4000)} for n in range(1600)
    ]
    await fill(opened, "moving", {"Name": "text", "Story": "long_text"}, rows)
    async with (
        aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno,
        ana.stream("GET", "/c/moving/export.json?sort=name") as answer,
    ):
        pieces = answer.aiter_raw(1000)
        read = [await anext(pieces)]
        for number in (1600, 3):
            typed = {"version": "1", "name": "0000 moved"}
            assert (await bruno.post(f"/c/moving/{number}/edit", data=typed)).status_code == 303
        assert (await bruno.post("/c/moving/1590/delete", data={"version": "1"})).status_code == 303
        assert (await bruno.post("/c/moving/new", data={"name": "zzz"})).status_code == 303
        read += [piece async for piece in pieces]
    numbers = [record["number"] for record in json.loads(b"".join(read))["records"]]
    moved = {1600, 1590, 3}
    kept = [number for number in numbers if number <= 1600 and number not in moved]
    assert kept == [number for number in range(1, 1601) if number not in moved]


async def test_what_can_not_be_chosen_any_more_is_imported_as_it_was_exported(server: Server) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        address, title, marks = await make_tools(
            ana, "Tools", label="Marks", kind="choices", choices="New\nGone; or lost\nRare"
        )
        await ana.post(f"{address}/fields", data={"label": "Readers", "kind": "person", "several": "yes"})
        readers = f"f{int(marks[1:]) + 1}"
        for number, chosen in enumerate((["#2"], ["#1", "#2"], ["#1"])):
            await add(ana, address, **{title: f"Axe {number}", marks: chosen, readers: "Davi\nBruno"})  # type: ignore[arg-type]
        await change(ana, address, marks, {"choice-2-archived": "yes"})
        assert (await ana.post("/members/4/remove", data={"sure": "yes"})).status_code == 303
        table = (await ana.get(f"{address}/export.csv")).content.decode("utf-8-sig")
    database = open_database(server.store.url)
    async with database.read(ACME) as transaction:
        tools = await get_collection(transaction, "tools")
        member = await find_member(transaction, "ana@acme.test")
        assert member
        plan = await plan_import(transaction, tools, member, parse_import(table))
        other = await plan_import(
            transaction, tools, member, parse_import("Title,Marks,Readers\nSaw,Gone; or lost,Davi")
        )
    await database.close()
    assert [(line.what, line.errors) for line in plan.lines] == [("same", [])] * 3
    assert [label for label, _ in other.lines[0].errors] == ["Marks", "Readers"], "nor can it be chosen by a table"


async def make(client: httpx.AsyncClient, address: str) -> list[str]:
    """What a page's own call is told while an export is made."""
    answer = await client.get(address, headers={"x-page": "1"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain"
    return answer.text.splitlines()


@pytest.mark.parametrize("name", ["csv", "xlsx", "json"])
async def test_a_page_is_told_how_far_an_export_is_and_takes_what_the_download_would_be(
    server: Server, opened_alone: Database, name: str
) -> None:
    await fill(opened_alone, "many", {"Name": "text"}, [{"name": f"N{n}"} for n in range(1200)])
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        *told, key = await make(ana, f"/c/many/export.{name}")
        assert told == ["1200", "500", "1000", "1200"]
        async with aclosing(server.let_in("acme", "bruno@acme.test")) as bruno:
            assert (await bruno.get(f"/c/many/exports/{key}")).status_code == 404
        async with aclosing(server.let_in("globex", "gil@globex.test")) as gil:
            assert (await gil.get(f"/c/books/exports/{key}")).status_code == 404
        assert (await ana.get(f"/c/books/exports/{key}")).status_code == 404
        taken = await ana.get(f"/c/many/exports/{key}")
        assert taken.status_code == 200
        plain = await ana.get(f"/c/many/export.{name}")
        for header in ("content-type", "content-disposition", "content-security-policy"):
            assert taken.headers[header] == plain.headers[header]
        assert int(taken.headers["content-length"]) == len(taken.content)
        assert name == "xlsx" or taken.content == plain.content
        assert (await ana.get(f"/c/many/exports/{key}")).status_code == 404
        assert (await ana.get(f"/c/many/exports/{'0' * 32}")).status_code == 404
    assert named_exports(server) == []


async def test_nothing_is_left_of_an_export_that_its_page_has_cancelled(shared_server: Server, large: str) -> None:
    async with aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi:
        async with davi.stream("GET", f"{large}.csv", headers={"x-page": "1"}) as answer:
            async for _ in answer.aiter_lines():
                break
        await until(lambda: named_exports(shared_server) == [])


async def test_what_was_made_and_not_taken_goes_when_its_maker_makes_more(server: Server) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        await make(ana, "/c/books/export.csv")
        [old] = named_exports(server)
        os.utime(old, (time.time() - 601, time.time() - 601))
        await make(ana, "/c/books/export.json")
        [new] = named_exports(server)
        assert new != old


def test_what_another_request_has_deleted_meanwhile_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "1-1-old").mkdir()
    os.utime(tmp_path / "1-1-old", (0, 0))
    (tmp_path / "1-1-new").mkdir()
    with mock.patch.object(Path, "glob", lambda self, pattern: [self / "1-1-gone", self / "1-1-old", self / "1-1-new"]):
        forget_made(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["1-1-new"]
