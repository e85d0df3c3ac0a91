"""Every call with every scope, by every role, and from the other workspace: what is not given is refused, and then
nothing has changed. The calls are made from the program's own routes, so that a new one is in it without a line."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from app.accounts.scopes import SCOPES, Grant
from app.programs.access import ANY_SCOPE, NO_SCOPE
from tests.conftest import Server
from tests.programs.conftest import ACME, LetIn, add_token, call_with, problem_of
from tests.test_isolation import World, make_application, world  # noqa: F401  (a fixture)

# What stands for a parameter: of rooms another than of collections. A new one needs a line here.
VALUES = {"slug": "books", "number": "40", "version": "1"}
ROOMS = {"slug": "general"}
# What only acme has.
OF_ACME = {"slug": "spare-lamps", "number": "42", "version": "3"}
# What a call sends, beside the version that it means.
BODIES: dict[str, Any] = {
    "POST /collections/{slug:str}/records": {"values": {"title": "Added", "author": "Somebody"}},
    "PATCH /collections/{slug:str}/records/{number:int}": {"values": {"notes": "Changed"}},
    "POST /rooms/{slug:str}/messages": {"text": "Said"},
}
# What no call takes, and is no fault of ours.
BROKEN = (b"[1]", b'"x"', b'{"values": {"title": "a\\u0000b"}, "text": "\\u0000"}', b'{"wait": "x"}')
# What a viewer may give back that they have taken before they were one.
OWN = {"DELETE /collections/{slug:str}/records/{number:int}/lock"}
TABLES = ("record", "revision", "message", "membership", "waiting", "collection", "kept_answer", "token")
PEOPLE = {"guest": "gus", "viewer": "vera", "member": "carla", "admin": "bruno", "owner": "ana"}


@dataclass(frozen=True)
class Call:
    """A method and an address, and the scope that it needs."""

    method: str
    path: str
    scope: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.path.removeprefix('/api/v1')}"

    async def make(self, client: httpx.AsyncClient, seen: int = 1, **values: str) -> httpx.Response:
        filled = {**VALUES, **(ROOMS if "/rooms/" in self.path else {}), **values}
        path = re.sub(r"\{(\w+):\w+\}", lambda found: filled[found[1]], self.path)
        headers = {"if-match": f'"{seen}"'}
        return await client.request(self.method, path, json=BODIES.get(self.name), headers=headers)


def list_calls() -> list[Call]:
    calls = [
        Call(method, route.path, handler.opt["scope"])
        for route in make_application().programs.endpoints.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods - {"OPTIONS"})
        if handler.opt.get("scope", NO_SCOPE) != NO_SCOPE
    ]
    return sorted(calls, key=lambda call: call.name)  # routes are in no order


CALLS = list_calls()
each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)


def dump(server: Server) -> list[Any]:
    return server.store.rows_of(*((f"SELECT * FROM {table} ORDER BY 1, 2",) for table in TABLES if table != "token"))


@pytest.fixture(scope="module")
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Programs of people of each role, which may do all that their members may."""
    for role in ("guest", "viewer"):
        words = (f"{PEOPLE[role]}@acme.test", "--name", PEOPLE[role], "--role", role, "--password", "long enough")
        shared_server.run("member", "add", "acme", *words)
    async with AsyncExitStack() as stack:
        yield {
            role: await stack.enter_async_context(
                aclosing(call_with(shared_server, "acme", add_token(shared_server, "acme", f"{name}@acme.test")[1]))
            )
            for role, name in PEOPLE.items()
        }


def test_the_matrix_knows_the_calls() -> None:
    assert len(CALLS) > 15
    assert {call.scope for call in CALLS} <= {*SCOPES, ANY_SCOPE}
    assert {call.name for call in CALLS} >= BODIES.keys()


@each_call
async def test_a_token_without_the_scope_is_refused_and_nothing_changes(
    shared_server: Server, let_in: LetIn, call: Call
) -> None:
    before = dump(shared_server)
    for scope in SCOPES:
        if call.scope != ANY_SCOPE and not Grant(frozenset({scope})).holds(call.scope):
            answer = await call.make(await let_in("ana@acme.test", scopes=[scope]))
            assert problem_of(answer) == (403, "insufficient-scope"), scope
            assert answer.json()["scope"] == call.scope
    assert dump(shared_server) == before


@each_call
async def test_a_viewer_and_a_guest_of_nothing_change_nothing(
    shared_server: Server, people: dict[str, httpx.AsyncClient], call: Call
) -> None:
    before = dump(shared_server)
    for role in ("viewer", "guest"):
        answer = await call.make(people[role])
        if role == "viewer" and call.name in OWN:
            assert answer.status_code == 204
        elif call.method != "GET":
            assert answer.status_code in (403, 404), f"{role}: {answer.text}"
            problem_of(answer)
        elif role == "guest" and "{" in call.path:
            assert problem_of(answer) == (404, "not-found")
        elif role == "guest":
            assert answer.json()["items"] == []
        else:
            assert answer.status_code == 200, answer.text
    assert dump(shared_server) == before


@each_call
async def test_a_token_that_is_for_other_places_sees_and_changes_nothing_here(
    shared_server: Server, let_in: LetIn, call: Call
) -> None:
    before = dump(shared_server)
    answer = await call.make(await let_in("ana@acme.test", collections=[99], rooms=[99]))
    if "{" in call.path:
        assert problem_of(answer) == (404, "not-found")
    else:
        assert answer.json()["items"] == []
    assert dump(shared_server) == before


@each_call
async def test_globex_reaches_nothing_of_acme(shared_server: Server, world: World, call: Call) -> None:  # noqa: F811
    _, secret = add_token(shared_server, "globex", "gil@globex.test")
    before = dump(shared_server)
    async with (
        aclosing(call_with(shared_server, "acme", secret)) as there,
        aclosing(call_with(shared_server, "globex", secret)) as here,
    ):
        assert problem_of(await call.make(there)) == (401, "unauthorized")
        if "{" in call.path:
            answer = await call.make(here, **OF_ACME)
            assert problem_of(answer) == (404, "not-found")
            assert not re.search(r"Lantern|Dom Casmurro", answer.text)
        elif call.method == "GET":
            assert "Spare lamps" not in (await call.make(here)).text
    assert dump(shared_server) == before


@each_call
async def test_no_call_is_a_fault_of_ours_by_any_role(
    shared_server: Server, people: dict[str, httpx.AsyncClient], call: Call
) -> None:
    ((version,),) = shared_server.store.rows(f"SELECT version FROM record WHERE tenant_id = {ACME} AND number = 40")
    for role, client in people.items():
        for values in ({}, {"number": "9" * 30}, {"number": "0"}, {"slug": "nowhere"}, {"version": "9" * 18}):
            answer = await call.make(client, version, **values)
            assert answer.status_code < 500, f"{role}: {answer.text}"
            if answer.status_code >= 400:
                problem_of(answer)
        for body in BROKEN:
            path = re.sub(r"\{(\w+):\w+\}", lambda found: (VALUES | ROOMS)[found[1]], call.path)
            answer = await client.request(call.method, path, content=body, headers={"content-type": "application/json"})
            assert answer.status_code < 500, f"{role}: {body!r}: {answer.text}"
