"""The audit log: what was done stands in it, for admins alone, and nobody rewrites it."""

from __future__ import annotations

import ast
import csv
import io
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing

import asyncpg
import httpx
import pytest
from PIL import Image
from sqlalchemy import func, select

from app.accounts import audit
from app.database import Database, HoldsWriter, now
from app.demo import PASSWORD
from app.records.facts import CollectionAdded
from app.tenants.audit_list import count_entries, read_audit_view
from app.tenants.audit_sentences import GROUPS, SENTENCES
from app.tenants.pages.audit_export import AUDIT_BATCH
from tests.conftest import ROOT, Server


@pytest.fixture
async def people(server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno", "carla", "davi")
        }


def test_every_kind_of_entry_has_its_sentence() -> None:
    used: set[str] = set()
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Entry",):
                used |= {kind for argument in node.args for kind in kinds_in(argument)}
    assert used == set(SENTENCES)
    assert {kind.partition(".")[0] for kind in SENTENCES} == set(GROUPS)


def kinds_in(argument: ast.expr) -> Iterator[str]:
    """The kinds of entries that an argument names; of one such as `f"record.{self.what}"`, all that begin so."""
    for node in ast.walk(argument):
        if isinstance(node, ast.JoinedStr) and isinstance(beginning := node.values[0], ast.Constant):
            yield from (kind for kind in SENTENCES if kind.startswith(str(beginning.value)))
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[a-z]+\.[a-z-]+", str(node.value)):
            yield str(node.value)


async def test_what_admins_and_members_do_is_in_the_log(server: Server, people: dict[str, httpx.AsyncClient]) -> None:
    ids: dict[str, int] = dict(server.store.rows("SELECT name, id FROM member"))
    async with server.client("acme") as nobody:
        await nobody.post("/login", data={"email": "carla@acme.test", "password": "wrong-password-typed"})
        await nobody.post("/login", data={"email": "unknown@nowhere.test", "password": "wrong-password-typed"})
    ana, bruno = people["ana"], people["bruno"]
    await ana.post(f"/members/{ids['Carla']}/role", data={"role": "admin"})
    await ana.post("/settings", data={"name": "Biblioteca Nova", "language": "en", "session_days": "7"})
    await ana.post("/settings", data={"name": "Biblioteca Nova", "language": "en", "locale": "nl_BE"})
    await bruno.post("/members/invitations", data={"email": "eva@example.org", "role": "member"})
    await bruno.post("/c/books/3/delete", data={"version": "1"})
    await bruno.post(f"/members/{ids['Davi']}/suspend")
    page = (await ana.get("/audit")).text
    for words in (
        "<b>Someone</b> failed to sign in as <b>Carla</b>",
        "carla@acme.test",
        "an unknown address",
        '<b>Carla</b> <small class="muted">carla@acme.test</small> from <b>Member</b> to <b>Admin</b>',
        "<del>Biblioteca Acme</del>",
        "<ins>Biblioteca Nova</ins>",
        "<b>Numbers and dates</b>: <del>Same as the language</del> → <ins>Dutch (Belgium)</ins>",
        "<b>Bruno</b> invited <b>eva@example.org</b> as <b>Member</b>",
        '<small class="muted">carla@acme.test</small>',
        '<b>Bruno</b> deleted <a class="link" href="/c/books/3">',
        "Books #3",
        "<b>Bruno</b> suspended <b>Davi</b>",
        "127.0.0.1",
        ">Today</h2>",
    ):
        assert words in page, words
    for secret in (PASSWORD, "wrong-password-typed", "unknown@nowhere.test"):
        assert secret not in page
    only = (await ana.get(f"/audit?who={ids['Bruno']}&what=record.deleted&days=1")).text
    assert "/c/books/3" in only
    assert "Biblioteca Nova</ins>" not in only
    assert "No entries of this type." in (await ana.get(f"/audit?who={ids['Bruno']}&what=password.reset")).text


async def test_each_entry_is_a_line_that_names_whom_and_what(
    server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    ana = people["ana"]
    made = (await ana.post("/c/books/new", data={"title": "<b>Iracema"})).headers["location"].partition("?")[0]
    await ana.post(f"{made}/delete", data={"version": "1"})
    await ana.post("/settings", data={"name": "Biblioteca Acme", "language": "en", "session_days": "7"})
    await ana.post("/members/4/remove")
    await ana.post("/c/books/rename", data={"collection_name": "Livros"})
    number = made.rpartition("/")[2]
    entry = "INSERT INTO audit_entry (tenant_id, member_id, what, subject, before, after, address, at) VALUES"
    for what, subject, before, after in (
        ("records.imported", "/c/books", "", "+3 ~2"),
        ("edit.taken-over", "/c/books/1", "Carla", "Ana"),
        ("record.deleted", "/c/books/999999", "", ""),
        ("record.deleted", "/c/gone/3", "", ""),
        ("member.removed", "left@example.org", "member", ""),
    ):
        values = f"(1, 1, '{what}', '{subject}', '{before}', '{after}', '', '2026-01-01 00:00:00+00')"
        server.store.rows(f"{entry} {values}")
    page = (await ana.get("/audit")).text
    lines = [" ".join(re.sub(r"<[^>]+>", " ", line).split()) for line in re.findall(r"<li>\s*<p>(.*?)</p>", page)]
    for line in (
        f"Ana deleted &lt;b&gt;Iracema Livros #{number}",
        "Ana changed the setting How long people stay signed in : 30 days → 1 week",
        "Ana imported records into Livros : 3 added, 2 changed",
        "Ana deleted Livros #999999",
        "Ana deleted /c/gone/3",
        "Ana removed left@example.org (Member)",
        "Ana removed Davi (davi@acme.test) (Member)",
        "Ana signed in",
        "Ana took over the editing of Os Lusíadas Livros #1 from Carla",
    ):
        assert line in lines, (line, lines)
    days = re.findall(r'<h2 id="day-[0-9]+">([^<]+)</h2>', page)
    assert days == ["January 1, 2026", "Today"], "in the order of the log"


async def test_sign_ins_that_the_limit_refuses_are_in_the_log_once_for_an_account(
    server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    async with server.client("acme") as nobody:
        for email in ("carla@acme.test", "unknown@nowhere.test"):
            answers = [await nobody.post("/login", data={"email": email, "password": PASSWORD[:9]}) for _ in range(13)]
            assert [answer.status_code for answer in answers] == [422] * 10 + [429] * 3
        shut_out = await nobody.post("/login", data={"email": "carla@acme.test", "password": PASSWORD})
        assert shut_out.status_code == 429
    entries = server.store.rows("SELECT subject, address FROM audit_entry WHERE what = 'session.shut-out' ORDER BY id")
    assert entries == [("carla@acme.test", "127.0.0.1"), ("an unknown address", "127.0.0.1")]
    page = (await people["ana"].get("/audit?what=session.shut-out")).text
    whom = r"<b>Carla</b> <small[^>]*>carla@acme.test"
    assert re.search(rf"<b>Someone</b> was locked out after too many wrong attempts as {whom}", page)
    async with aclosing(await server.sign_in("globex", "gil@globex.test")) as gil:
        assert "locked out after too many wrong attempts" not in (await gil.get("/audit")).text


async def test_several_workers_log_the_first_refusal_of_the_limit_once(several: Server) -> None:
    typed = {"email": "carla@acme.test", "password": "not hers"}
    statuses = []
    for _ in range(20):
        async with several.client("acme") as nobody:  # on a connection of its own, which any worker may take
            statuses.append((await nobody.post("/login", data=typed)).status_code)
    assert statuses == [422] * 10 + [429] * 10
    assert several.store.rows("SELECT count(*) FROM audit_entry WHERE what = 'session.shut-out'") == [(1,)]


async def test_who_is_suspended_and_knows_the_password_does_not_fill_the_log(
    server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    assert server.run("member", "suspend", "acme", "carla@acme.test").returncode == 0
    typed = {"email": "carla@acme.test", "password": PASSWORD}
    async with server.client("acme") as carla:
        assert [(await carla.post("/login", data=typed)).status_code for _ in range(13)] == [422] * 10 + [429] * 3
    counted = server.store.rows("SELECT what, count(*) FROM audit_entry WHERE what LIKE 'session.s%' GROUP BY what")
    assert dict(counted)["session.shut-out"] == 1


async def test_what_is_done_from_outside_and_what_is_no_text_is_in_the_log_too(
    server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(picture, "PNG")
    added = server.run("member", "add", "acme", "eva@acme.test", "--name", "Eva", "--password", "a long password")
    assert added.returncode == 0, added.stderr
    assert server.run("member", "suspend", "acme", "eva@acme.test").returncode == 0
    ana = people["ana"]
    await ana.post("/settings/logo", files={"picture": ("logo.png", picture.getvalue())})
    await ana.post("/settings/logo/remove")
    await ana.post("/settings/logo/remove")
    await ana.post("/announcements", data={"title": "Stocktaking"})
    await ana.post("/announcements/1/withdraw")
    page = (await ana.get("/audit")).text
    assert "<b>Eva</b> joined as <b>Member</b>" in page
    assert "<b>The administrator of this installation</b> suspended <b>Eva</b>" in page
    assert "<b>Ana</b> announced <b>Stocktaking</b>" in page
    assert "<b>Ana</b> withdrew the announcement <b>Stocktaking</b>" in page
    key = re.findall(r"<b>Logo</b> → <ins>([0-9a-f]{8})</ins>", page)
    assert re.findall(r"<b>Logo</b>: <del>([0-9a-f]{8})</del>", page) == key
    assert len(key) == 1, "removing what is not there is nothing"


@pytest.mark.parametrize("query", ["who=x", "who=99999999999999999999", "what=x", "days=-1", "before=x", "before=1"])
async def test_a_filter_that_makes_no_sense_is_a_page(shared_server: Server, query: str) -> None:
    async with shared_server.let_in("acme", "ana@acme.test") as ana:
        assert (await ana.get(f"/audit?{query}")).status_code == 200


async def test_a_long_log_goes_on_to_older_entries(server: Server, people: dict[str, httpx.AsyncClient]) -> None:
    values = ", ".join(
        f"(1, 'session.refused', 'entry {number:03}', '', '', '', '2026-01-01 00:00:00.000000')"
        for number in range(100)
    )
    server.store.rows(f"INSERT INTO audit_entry (tenant_id, what, subject, before, after, address, at) VALUES {values}")
    page = (await people["ana"].get("/audit?what=session.refused")).text
    assert ("entry 099" in page, "entry 049" in page) == (True, False)
    older = page.split('href="/audit?what=')[1].split('"')[0].replace("&amp;", "&")
    assert "entry 049" in (await people["ana"].get(f"/audit?what={older}")).text


async def test_members_do_not_see_it(shared_server: Server) -> None:
    async with shared_server.let_in("acme", "carla@acme.test") as carla:
        assert (await carla.get("/audit")).status_code == 403


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET subject = 'x'", "DELETE FROM audit_entry"])
async def test_the_database_itself_refuses_to_rewrite_it(
    server: Server, people: dict[str, httpx.AsyncClient], statement: str
) -> None:
    with pytest.raises((sqlite3.IntegrityError, asyncpg.RaiseError), match="only added to"):
        server.store.rows(statement)


async def test_two_entries_that_say_the_same_at_the_same_moment_are_two(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = now()
    monkeypatch.setattr(audit, "now", lambda: moment)
    async with database.write(1) as transaction:
        for _ in range(2):
            transaction.note(CollectionAdded(by=transaction.actor, collection_id=1, name="Told twice"))
    async with database.read(1) as transaction:
        written = select(func.count(audit.AuditEntry.id)).where(audit.AuditEntry.subject == "Told twice")
        assert await transaction.scalar(written) == 2


async def test_a_link_is_called_what_it_is_and_kinds_are_asked_for_together(
    people: dict[str, httpx.AsyncClient],
) -> None:
    ana = people["ana"]
    await ana.post("/members/links", data={"uses": "3", "days": "3", "role": "member", "form-key": ""})
    page = (await ana.get("/audit?what=invitation")).text
    assert "<b>Ana</b> invited <b>people by link</b> as <b>Member</b>" in page
    assert "signed in" not in page.partition("<main")[2].partition("audit card")[2]
    assert "people by link" not in (await ana.get("/audit?what=room")).text


async def test_the_same_many_times_is_one_line_that_opens(server: Server, people: dict[str, httpx.AsyncClient]) -> None:
    ids: dict[str, int] = dict(server.store.rows("SELECT name, id FROM member"))
    entries = [
        *[(ids["Bruno"], "record.deleted", f"/c/books/{number}") for number in range(1, 13)],
        (ids["Carla"], "record.deleted", "/c/books/20"),
        *[("NULL", "session.refused", "eva@example.org")] * 4,
        *[("NULL", "session.refused", f"{name}@example.org") for name in ("fred", "gil", "hana")],
    ]
    values = ", ".join(
        f"(1, {who}, '{what}', '{subject}', '', '', '', '2026-01-01 00:00:00.000000')" for who, what, subject in entries
    )
    columns = "tenant_id, member_id, what, subject, before, after, address, at"
    server.store.rows(f"INSERT INTO audit_entry ({columns}) VALUES {values}")
    page = (await people["ana"].get("/audit?what=record.deleted")).text
    assert "<b>Bruno</b> deleted <b>12 records</b>" in page
    opened = page.partition("12 records</b>")[2].partition("</details>")[0]
    assert opened.count("/c/books/") == 12
    assert page.count('<details class="run" ') == 1
    page = (await people["ana"].get("/audit?what=session.refused")).text
    assert page.count('<details class="run" ') == 1
    assert "<b>hana@example.org and 6 others</b>" in page
    assert page.count("failed to sign in as") == 8


async def test_the_log_is_exported_as_it_is_narrowed_down(server: Server, people: dict[str, httpx.AsyncClient]) -> None:
    ana, bruno = people["ana"], people["bruno"]
    await ana.post("/settings", data={"name": "=1+1", "language": "en", "session_days": "7"})
    await bruno.post("/c/books/3/delete", data={"version": "1"})
    page = await ana.get("/audit?what=settings&days=7")
    assert 'href="/audit/export.csv?what=settings&amp;days=7"' in page.text
    answer = await ana.get("/audit/export.csv?what=settings&days=7")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="audit-log-')
    head, *lines = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert head == ["Time (UTC)", "Who", "What", "Type", "IP address"]
    assert {(line[1], line[3]) for line in lines} == {("Ana", "settings.changed")}
    assert "Ana changed the setting Name: Biblioteca Acme → =1+1" in {line[2] for line in lines}
    everything = (await ana.get("/audit/export.csv")).text
    assert "Bruno deleted Hamlet (Books #3)" in everything
    assert "exported the audit log: 2 entries as CSV: what=settings&days=7" in everything
    assert (await people["carla"].get("/audit/export.csv")).status_code == 403


async def test_an_export_of_the_log_has_every_entry_once_and_no_formula(server: Server) -> None:
    values = ", ".join(
        f"(1, 'session.refused', '=SUM({number})', '', '', '', '2026-01-01 00:00:00+00')"
        for number in range(2 * AUDIT_BATCH)
    )
    server.store.rows(f"INSERT INTO audit_entry (tenant_id, what, subject, before, after, address, at) VALUES {values}")
    server.store.rows("UPDATE member SET name = '@Ana' WHERE name = 'Ana'")
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        answer = await ana.get("/audit/export.csv")
    _, *lines = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    said = [line[2] for line in lines if "SUM" in line[2]]
    assert len(said) == len(set(said)) == 2 * AUDIT_BATCH
    ((noted,),) = server.store.rows("SELECT after FROM audit_entry WHERE what = 'audit.exported'")
    assert noted == f"{len(lines)} csv", "the log says as many as the file has"
    assert {line[1] for line in lines if "Ana" in line[1]} == {"'@Ana"}
    assert not [cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@"))]


async def test_an_export_of_the_log_ends_before_its_own_entry(people: dict[str, httpx.AsyncClient]) -> None:
    ana = people["ana"]
    for count in range(3):
        answer = await ana.get("/audit/export.csv?what=audit.exported")
        _, *lines = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
        assert [line[2] for line in lines] == [
            f"Ana exported the audit log: {each} {'entry' if each == 1 else 'entries'} as CSV: what=audit.exported"
            for each in reversed(range(count))
        ]


async def test_no_writer_waits_for_the_entries_to_be_counted(database: Database) -> None:
    async with database.read(1) as transaction:
        view = await read_audit_view(transaction, "", "", "", "")
        await count_entries(transaction, view)
    async with database.write(1) as transaction:
        with pytest.raises(HoldsWriter):
            await count_entries(transaction, view)
