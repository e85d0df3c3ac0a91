"""A member's programs search no more than the member may, and take turns with what they read on pages."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
from litestar.routes import HTTPRoute

from app.accounts.members import find_member
from app.accounts.program_tokens import WantedToken, make_program_token
from app.accounts.scopes import SCOPES
from app.features import open_database
from app.records.limits import LISTS_AT_ONCE, LISTS_WAITING, ListLimit
from tests.conftest import Server
from tests.databases import Store
from tests.programs.conftest import ACME, API, add_token, call_with, problem_of
from tests.programs.test_matrix import CALLS
from tests.programs.test_statements import make_program, program_of
from tests.test_isolation import make_application
from tests.waiting import until

ANA = "ana@acme.test"
BOOKS = f"{API}/collections/books/records"
WORD = {"q": "casmurro", "limit": "1"}


async def test_a_member_searches_so_often_with_all_their_programs_and_on_pages(server: Server) -> None:
    (_, one), (_, other), (_, of_carla) = (add_token(server, "acme", each) for each in (ANA, ANA, "carla@acme.test"))
    async with (
        aclosing(call_with(server, "acme", one)) as program,
        aclosing(call_with(server, "acme", other)) as second,
        aclosing(call_with(server, "acme", of_carla)) as carla,
        aclosing(server.let_in("acme", ANA)) as ana,
    ):
        answered = 0
        while (answer := await (program, second)[answered % 2].get(BOOKS, params=WORD)).status_code == 200:
            assert answer.headers["ratelimit-policy"] == '"heavy";q=60;w=60'
            answered += 1
        assert answered >= 60
        assert problem_of(answer) == (429, "too-many-requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        for each in (program, second):
            assert (await each.get(BOOKS, params=WORD)).status_code == 429
            assert (await each.get(BOOKS)).status_code == 200, "reads are counted apart"
        assert (await ana.get("/c/books", params=WORD)).status_code == 429
        assert (await carla.get(BOOKS, params=WORD)).status_code == 200


HEAVY = {
    (method, route.path)
    for route in make_application().sites.programs.endpoints.routes
    if isinstance(route, HTTPRoute)
    for handler in route.route_handlers
    for method in handler.http_methods
    if handler.opt.get("heavy")
}


async def test_heavy_calls_wait_for_what_their_member_reads_and_no_others_do(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(store.url)
    secrets = []
    async with database.write(ACME) as transaction:
        for email in (ANA, "carla@acme.test"):
            member = await find_member(transaction, email)
            assert member
            if not secrets:  # the one that a call ends
                await make_program_token(transaction, member, WantedToken("ended", [*SCOPES]))
            whose = (ACME, member.id)
            secrets.append((whose, (await make_program_token(transaction, member, WantedToken("n", [*SCOPES])))[1]))
    application = make_program(database, store, tmp_path, monkeypatch)
    lists: ListLimit = application.sites.programs.endpoints.state.lists
    (whose, of_ana), (_, of_carla) = secrets
    waited = set()
    async with program_of(application, of_ana) as ana, program_of(application, of_carla) as carla:
        for call in CALLS:
            async with asyncio.timeout(20), AsyncExitStack() as reading:
                for _ in range(LISTS_AT_ONCE):
                    await reading.enter_async_context(lists.turn_of(*whose))
                asking = asyncio.ensure_future(call.make(ana))
                if (call.method, call.path) in HEAVY:
                    await until(lambda: lists.asked[whose] > LISTS_AT_ONCE)
                    assert (await call.make(carla)).status_code == 200, "others do not wait"
                    assert not asking.done()
                    waited.add((call.method, call.path))
                    await reading.aclose()
                assert (await asking).status_code < 500, call.name
    await database.close()
    assert waited == HEAVY != set()
    assert (lists.turns, lists.asked) == ({}, {}), "every turn ends with its answer"


async def test_a_call_that_waits_behind_too_many_is_told_to_come_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_database(store.url)
    async with database.write(ACME) as transaction:
        member = await find_member(transaction, ANA)
        assert member
        whose = (ACME, member.id)
        _, secret = await make_program_token(transaction, member, WantedToken("n", [*SCOPES]))
    application = make_program(database, store, tmp_path, monkeypatch)
    lists: ListLimit = application.sites.programs.endpoints.state.lists
    async with program_of(application, secret) as program:
        lists.asked[whose] = LISTS_AT_ONCE + LISTS_WAITING
        refused = await program.get(BOOKS)
        assert problem_of(refused) == (429, "too-many-requests")
        assert int(refused.headers["retry-after"]) >= 1
        del lists.asked[whose]
        assert (await program.get(BOOKS)).status_code == 200
    await database.close()
