"""Operators: apart from members, signed in for half an hour, and able to close a workspace without losing anything."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import httpx
import pytest
import websockets
from litestar.routes import HTTPRoute
from playwright.async_api import expect
from sqlalchemy import delete, func, literal_column, select, text, update

from app.accounts.members import Member
from app.database import Database, Tenant, TenantScopeError, now
from app.demo import OPERATOR, PASSWORD
from app.operators.workspaces import WorkspaceView, list_workspaces
from app.records.records import Record
from app.tenants.usage import MEASURES, measure_installation
from tests.conftest import Server
from tests.test_isolation import MARKS, make_application

PUBLIC = {"/", "/go", "/find", "/language", "/signup", "/signup/address", "/operator/login", "/operator/logout"}
MACHINES = {"/static/{path:path}", "/healthz", "/readyz", "/metrics", "/certificate"}


def change(server: Server, statement: str, *values: Any) -> list[Any]:
    """Run a statement on the server's database, behind its back."""
    return server.store.rows(statement, *values)


async def sign_in(server: Server) -> httpx.AsyncClient:
    client = server.client("")
    answer = await client.post("/operator/login", data={"email": OPERATOR, "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/operator"), answer.text
    client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
    return client


@pytest.fixture
async def operator(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(await sign_in(shared_server)) as client:
        yield client


def list_targets() -> list[tuple[str, str]]:
    """Every method of every page of the central host that is not public, from the application itself."""
    return [
        (method, route.path)
        for route in make_application().sites.central.routes
        if isinstance(route, HTTPRoute) and route.path not in PUBLIC | MACHINES
        for method in sorted(set(route.methods) - {"OPTIONS"})
    ]


TARGETS = list_targets()


def test_the_list_of_central_pages_is_not_empty() -> None:
    assert len(TARGETS) >= 6


@pytest.mark.parametrize(("method", "path"), TARGETS)
async def test_without_an_operators_session_each_page_leads_to_the_sign_in(
    shared_server: Server, method: str, path: str
) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        member = ana.headers["cookie"]
    before = change(shared_server, "SELECT * FROM tenant ORDER BY id")
    token = member.partition("=")[2]
    for headers in ({}, {"cookie": member}, {"cookie": f"operator={token}"}, {"cookie": "operator=unknown"}):
        async with shared_server.client("", **headers) as stranger:
            form = None if method == "GET" else {"reason": "because", "sure": "yes"}
            answer = await stranger.request(method, path.replace("{slug:str}", "acme"), data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/operator/login"), (path, headers)
        assert "set-cookie" not in answer.headers
    assert change(shared_server, "SELECT * FROM tenant ORDER BY id") == before


async def test_an_operators_cookie_opens_nothing_in_a_workspace(
    shared_server: Server, operator: httpx.AsyncClient
) -> None:
    token = operator.headers["cookie"].partition("=")[2]
    for cookie in (f"operator={token}", f"session={token}"):
        async with shared_server.client("acme", cookie=cookie) as client:
            assert (await client.get("/c/books")).headers["location"].startswith("/login")
            for path in ("/operator", "/operator/login", "/operator/live", "/operator/log"):
                assert (await client.get(path)).status_code == 404


async def test_a_socket_of_the_central_host_needs_an_operators_session(
    shared_server: Server, operator: httpx.AsyncClient
) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        for client in (None, ana):
            async with shared_server.connect("", client) as socket:
                with pytest.raises(websockets.ConnectionClosed) as closed:
                    await asyncio.wait_for(socket.recv(), 10)
                assert closed.value.rcvd
                assert closed.value.rcvd.code == 4401
    async with shared_server.connect("", operator) as socket:
        await socket.send('{"sub": "installation.en tenant admins user.1", "last": 0, "n": 1}')
        answer = str(await asyncio.wait_for(socket.recv(), 10))
    assert set(re.findall(r"refused:([\w.]+)", answer)) == {"tenant", "admins", "user.1"}


@pytest.mark.parametrize(
    "typed",
    [
        {"email": OPERATOR, "password": "wrong"},
        {"email": "nobody@hero.test", "password": PASSWORD},
        {"email": "ana@acme.test", "password": PASSWORD},
        {"email": "", "password": ""},
        {},
        {"email": "x" * 10_000, "password": "y" * 10_000},
        {"email": "\0", "password": "\0"},
    ],
)
async def test_whoever_is_no_operator_is_refused_with_what_was_typed(
    shared_server: Server, typed: dict[str, str]
) -> None:
    async with shared_server.client("") as client:
        answer = await client.post("/operator/login", data=typed)
    assert answer.status_code == 422
    assert "Wrong email address or password." in answer.text
    assert "set-cookie" not in answer.headers


async def test_guessing_ends_after_ten_tries(server: Server) -> None:
    async with server.client("") as client:
        for _ in range(10):
            answer = await client.post("/operator/login", data={"email": OPERATOR, "password": "wrong"})
            assert answer.status_code == 422
        answer = await client.post("/operator/login", data={"email": OPERATOR, "password": PASSWORD})
        await client.post("/operator/login", data={"email": "secret words", "password": PASSWORD})
    assert answer.status_code == 429
    assert "Too many wrong attempts" in answer.text
    refused = change(server, "SELECT email, count(*) FROM operator_entry WHERE what = 'refused' GROUP BY email")
    assert dict(refused) == {OPERATOR: 10, "?": 1}


async def test_an_operators_sign_ins_that_the_limit_refuses_are_in_the_log_once(server: Server) -> None:
    async with server.client("") as client:
        for _ in range(13):
            answer = await client.post("/operator/login", data={"email": OPERATOR, "password": "wrong"})
    assert answer.status_code == 429
    shut_out = change(server, "SELECT email, address FROM operator_entry WHERE what = 'shut out'")
    assert shut_out == [(OPERATOR, "127.0.0.1")]
    async with server.client("", **{"x-forwarded-for": "192.0.2.7"}) as elsewhere:
        signed_in = await elsewhere.post("/operator/login", data={"email": OPERATOR, "password": PASSWORD})
        elsewhere.headers["cookie"] = signed_in.headers["set-cookie"].partition(";")[0]
        assert "was locked out after too many wrong attempts" in (await elsewhere.get("/operator/log")).text


async def test_the_session_ends_after_half_an_hour_without_use_and_cuts_its_sockets(server: Server) -> None:
    async with aclosing(await sign_in(server)) as client:
        seen = "UPDATE operator_session SET seen_at = ?"
        change(server, seen, now() - timedelta(minutes=29))
        assert (await client.get("/operator/live", headers={"x-refresh": "refresh"})).status_code == 200
        async with server.connect("", client) as socket:
            await socket.send('{"sub": "installation.en", "last": 0, "n": 1}')
            assert "@1" in str(await asyncio.wait_for(socket.recv(), 10))
            assert 'id="installation"' in str(await asyncio.wait_for(socket.recv(), 10))
            old = change(server, "SELECT seen_at FROM operator_session")[0][0]
            change(server, seen, now() - timedelta(minutes=31))
            assert f"{now() - timedelta(minutes=28):%Y-%m-%d %H:%M}" > str(old)[:16], "a page that is open is no use"
            with pytest.raises(websockets.ConnectionClosed) as closed:
                async with asyncio.timeout(10):
                    while True:
                        await socket.recv()
            assert closed.value.rcvd
            assert closed.value.rcvd.code == 4401
        assert (await client.get("/operator")).headers["location"] == "/operator/login"


async def test_use_keeps_the_session(server: Server) -> None:
    async with aclosing(await sign_in(server)) as client:
        change(server, "UPDATE operator_session SET seen_at = ?", now() - timedelta(minutes=29))
        assert (await client.get("/operator")).status_code == 200
        seen = change(server, "SELECT seen_at FROM operator_session")[0][0]
        assert str(seen)[:16] >= f"{now() - timedelta(minutes=1):%Y-%m-%d %H:%M}"


async def test_signing_out_ends_the_session(shared_server: Server, operator: httpx.AsyncClient) -> None:
    assert (await operator.post("/operator/logout")).headers["location"] == "/operator/login?why=out"
    assert (await operator.get("/operator")).status_code == 303


async def test_a_suspended_workspace_is_cut_off_says_why_and_comes_back_as_it_was(server: Server) -> None:
    def rows() -> list[Any]:
        return [
            sorted(change(server, f"SELECT * FROM {table} WHERE tenant_id = 1"), key=repr)
            for table in ("member", "record", "revision", "message")
        ]

    async with (
        aclosing(await sign_in(server)) as client,
        aclosing(await server.sign_in("acme", "ana@acme.test")) as ana,
    ):
        before = rows()
        async with server.connect("acme", ana) as socket:
            await socket.send('{"sub": "tenant", "last": 0, "n": 1}')
            await asyncio.wait_for(socket.recv(), 10)
            typed = {"reason": "Unpaid <b>bill</b>", "sure": "yes"}
            answers = await asyncio.gather(
                *(client.post("/operator/workspaces/acme/suspend", data=typed) for _ in range(2))
            )
            assert [answer.headers["location"] for answer in answers] == ["/operator?done=suspended&about=acme"] * 2
            with pytest.raises(websockets.ConnectionClosed) as closed:
                async with asyncio.timeout(5):
                    while True:
                        await socket.recv()
            assert closed.value.rcvd
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4401, "suspended")
        page = await ana.get("/login?why=suspended")
        assert page.status_code == 403
        assert "Unpaid &lt;b&gt;bill&lt;/b&gt;" in page.text
        assert "Unpaid &lt;b&gt;bill" in (await client.get("/operator")).text
        assert change(server, "SELECT count(*) FROM operator_entry WHERE what = 'suspended'") == [(1,)]
        for _ in range(2):
            restored = await client.post("/operator/workspaces/acme/restore")
            assert restored.headers["location"] == "/operator?done=restored&about=acme"
        assert change(server, "SELECT count(*) FROM operator_entry WHERE what = 'restored'") == [(1,)]
        log = (await client.get("/operator/log")).text
        for said in ("suspended the workspace", "restored the workspace", OPERATOR):
            assert said in log
    assert rows() == before
    await (await server.sign_in("acme", "ana@acme.test")).aclose()


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"reason": "", "sure": "yes"}, "This can&#39;t be empty."),
        ({"reason": "x" * 201, "sure": "yes"}, "At most 200 characters."),
        ({"reason": "Because"}, "Confirm that everyone"),
        ({"reason": "Because", "sure": "maybe"}, "Confirm that everyone"),
        ({}, "This can&#39;t be empty."),
    ],
)
async def test_a_suspension_without_reason_or_confirmation_keeps_what_was_typed(
    operator: httpx.AsyncClient, shared_server: Server, typed: dict[str, str], message: str
) -> None:
    answer = await operator.post("/operator/workspaces/globex/suspend", data=typed)
    assert answer.status_code == 422
    assert message in answer.text
    assert f'value="{typed.get("reason", "")}"' in answer.text
    assert change(shared_server, "SELECT suspended_at FROM tenant WHERE slug = 'globex'") == [(None,)]


async def test_a_body_of_another_type_is_refused(operator: httpx.AsyncClient) -> None:
    for path in ("/operator/login", "/operator/workspaces/globex/suspend"):
        assert (await operator.post(path, json={"reason": "x"})).status_code == 400


async def test_errors_have_the_frame_of_operators_and_lead_to_their_pages(
    operator: httpx.AsyncClient, shared_server: Server
) -> None:
    for path in ("/operator/nothing", "/operator/workspaces/nobody/suspend"):
        page = (await operator.get(path)).text
        assert 'href="/operator/log"' in page
        assert 'href="/">' not in page
    async with shared_server.client("") as stranger:
        assert 'href="/operator/log"' not in (await stranger.get("/operator/nothing")).text
    assert 'href="/operator/log"' not in (await operator.get("/nothing")).text


async def test_an_unknown_workspace_is_404(operator: httpx.AsyncClient) -> None:
    for slug in ("nobody", "x" * 300, "9" * 30, "%00"):
        path = f"/operator/workspaces/{slug}"
        assert (await operator.get(f"{path}/suspend")).status_code in (400, 404)
        for action in ("suspend", "restore"):
            answer = await operator.post(f"{path}/{action}", data={"reason": "x", "sure": "yes"})
            assert answer.status_code in (400, 404)


@pytest.mark.parametrize(
    "query",
    [
        "?page=0",
        "?page=-1",
        "?page=99999999999999999999",
        "?page=x",
        "?sort=password_hash",
        "?sort=-",
        "?q=%00",
        "?q=%25",
    ]
    + ["?q=" + "x" * 3000]
    + [
        f"?sort={sign}{key}"
        for sign in ("", "-")
        for key in ("name", "address", "members", "records", "storage", "created", "state")
    ],
)
async def test_the_list_takes_any_address(operator: httpx.AsyncClient, query: str) -> None:
    assert (await operator.get("/operator" + query)).status_code == 200
    assert (await operator.get("/operator/log" + query.replace("page", "before"))).status_code == 200


async def test_the_pages_show_numbers_and_nothing_that_is_written_in_a_workspace(operator: httpx.AsyncClient) -> None:
    for path in ("/operator", "/operator/live", "/operator/log", "/operator/workspaces/acme/suspend"):
        page = (await operator.get(path)).text
        assert [mark for mark in MARKS if mark in page.replace("Biblioteca Acme", "")] == []
    assert "Biblioteca Acme" in (await operator.get("/operator?q=bibl")).text
    assert "Biblioteca Acme" not in (await operator.get("/operator?q=globex")).text


async def test_a_counting_transaction_reads_numbers_and_writes_nothing(database: Database) -> None:
    async with database.count() as transaction:
        assert await transaction.scalar(select(func.count(Member.id))) == 6
        for statement in (
            select(Member),
            select(Member.email),
            select(func.max(Member.email)),
            select(func.count(Member.id)).where(Member.email.like("a%")),
            select(func.count(Member.id)).where(Member.email > "a"),
            select(func.count(Member.id)).where(Member.email == Member.name),
            select(Member.email).where(Member.email == "ana@acme.test"),
            select(Member.id).where(Member.email == "ana@acme.test").order_by(Member.email),
            select(Member.id).where(Member.name == "Ana"),
            select(select(Member.name).subquery().c.name),
            select(Tenant).join(Record, Record.search == Tenant.slug),
            select(literal_column("member.email")).select_from(Member),
            select(Member.id).order_by(Member.name),
            update(Tenant).values(name="changed"),
            delete(Member),
            text("SELECT 1"),
        ):
            with pytest.raises(TenantScopeError):
                await transaction.execute(statement)
        with pytest.raises(TenantScopeError):
            await transaction.get(Member, 1)
        tenant = (await transaction.scalars(select(Tenant).order_by(Tenant.id))).first()
        assert tenant
        with pytest.raises(TenantScopeError):
            transaction.enter(tenant)
        tenant.name = "changed"
        with pytest.raises(TenantScopeError):
            await transaction.flush()


async def test_every_measure_passes_the_door(database: Database) -> None:
    async with database.count() as transaction:
        measured = {name: await measure_installation(transaction, name) for name in MEASURES}
    assert (measured["members"], measured["locks"]) == (6, 0)
    assert measured["records"] > 40


async def test_thousands_of_workspaces_are_a_page_at_a_time(database: Database) -> None:
    async with database.write() as transaction:
        transaction.add_all(Tenant(slug=f"many-{number}", name=f"Many {number:04}") for number in range(3000))
    async with database.count() as transaction:
        first = await list_workspaces(transaction, WorkspaceView.read("many", "name", "1"), {})
        last = await list_workspaces(transaction, WorkspaceView.read("many", "name", "60"), {})
        most = await list_workspaces(transaction, WorkspaceView.read("", "-records", ""), {1: 7})
    assert (len(first.rows), first.count, first.pages) == (50, 3000, 60)
    assert last.rows[-1].name == "Many 2999"
    assert [(row.slug, row.sockets) for row in most.rows[:2]] == [("acme", 7), ("globex", 0)]


async def test_the_live_page_is_pushed_and_leads_to_the_sign_in_when_the_session_ends(
    server: Server, new_context: Callable[..., Any]
) -> None:
    page = await (await new_context()).new_page()
    await page.goto(server.url("", "/operator"))
    await page.get_by_label("Email").fill(OPERATOR)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("link", name="Installation").click()
    await page.locator("html[data-ready=yes]").wait_for(state="attached")
    sockets = page.locator("[data-figure=sockets]")
    await expect(sockets).to_have_text("1", timeout=10_000)
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        async with server.connect("acme", ana) as socket:
            await socket.send(json.dumps({"sub": "tenant", "last": 0, "n": 1}))
            await expect(sockets).to_have_text("2", timeout=10_000)
        await expect(sockets).to_have_text("1", timeout=10_000)
    change(server, "DELETE FROM operator_session")
    await expect(page.get_by_text("Your session has expired.")).to_be_visible(timeout=10_000)


async def test_processes_that_are_gone_leave_the_page(server: Server) -> None:
    change(
        server,
        "INSERT INTO node (id, started_at, seen_at, figures) VALUES ('gone', ?, ?, '{}')",
        *[now() - timedelta(seconds=50)] * 2,
    )
    async with aclosing(await sign_in(server)) as client:
        assert "node-gone" not in (await client.get("/operator/live")).text
        change(server, "UPDATE job SET due_at = ? WHERE name = 'sweep'", now())
        async with server.connect("", client) as socket:
            await socket.send('{"sub": "installation.en", "last": 0, "n": 1}')
            async with asyncio.timeout(10):
                while change(server, "SELECT 1 FROM node WHERE id = 'gone'"):
                    await socket.recv()


def test_the_command_line_looks_after_operators(server: Server) -> None:
    for arguments, code in (
        (("add", "eva@hero.test", "--password", "short"), 1),
        (("add", "nonsense", "--password", "a long password"), 1),
        (("add", "eva@hero.test", "--password", "a long password"), 0),
        (("add", "EVA@hero.test", "--password", "a long password"), 1),
        (("password", "eva@hero.test", "--password", "another password"), 0),
        (("password", "nobody@hero.test", "--password", "another password"), 1),
        (("remove", "eva@hero.test"), 0),
        (("remove", "eva@hero.test"), 1),
    ):
        done = server.run("operator", *arguments)
        assert done.returncode == code, (arguments, done.stderr)
        assert "Traceback" not in done.stderr
    assert server.run("workspace", "suspend", "globex", "--reason", "x" * 201).returncode == 1
    assert server.run("workspace", "suspend", "globex", "--reason", "Moving").returncode == 0
    assert change(server, "SELECT suspended_why FROM tenant WHERE slug = 'globex'") == [("Moving",)]
