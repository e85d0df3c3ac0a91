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
from app.programs.transfers import BringingOperation
from tests.conftest import Server
from tests.programs.conftest import ACME, add_token, call_with, draw, problem_of
from tests.test_isolation import World, make_application, world  # noqa: F401  (a fixture)
from tests.waiting import until_keys_are_written

# What stands for a parameter: of rooms another than of collections. A new one needs a line here.
VALUES = {"slug": "books", "number": "40", "version": "1", "message": "1", "emoji": "👍", "key": "title"}
VALUES |= dict.fromkeys(("member_id", "invitation_id", "announcement_id", "file_id", "record_file_id"), "1")
VALUES |= {"subject": "record-1", "token_id": "1"}
ROOMS = {"slug": "general"}
# What only acme has.
OF_ACME = {"slug": "spare-lamps", "number": "42", "version": "3"}
# What a call sends, beside the version that it means.
BODIES: dict[str, Any] = {
    "POST /collections/{slug:str}/records": {"values": {"title": "Added", "author": "Someone"}},
    "PATCH /collections/{slug:str}/records/{number:int}": {"values": {"notes": "Changed"}},
    "POST /rooms/{slug:str}/messages": {"text": "Said"},
    "PATCH /rooms/{slug:str}/messages/{message:int}": {"text": "Said otherwise"},
    "POST /rooms/{slug:str}/messages/{message:int}/reactions": {"emoji": "🎉"},
    "POST /collections/{slug:str}/records/changes": {
        "records": [{"number": 40, "version": 1, "values": {"notes": "One of many"}}]
    },
    "PATCH /collections/{slug:str}/records/{number:int}/draft": {"values": {"notes": "Typed"}},
    "PATCH /collections/{slug:str}/draft": {"values": {"title": "Typed"}},
    "POST /collections": {"name": "Lamps", "first": "Name"},
    "POST /collections/{slug:str}/fields": {"name": "Shelf mark", "kind": "text"},
    "PATCH /collections/{slug:str}/fields/{key:str}": {"help": "What it is called"},
    "PATCH /collections/{slug:str}": {"description": "What is on the shelves"},
    "PATCH /collections/{slug:str}/permissions": {
        "roles": {"viewer": {"browse": False, "read": True, "add": False, "edit": "none", "delete": "none"}}
    },
    "POST /collections/{slug:str}/guests": {"member_id": 1},
    "POST /collections/{slug:str}/fields/{key:str}/kind": {"kind": "long_text"},
    "POST /collections/{slug:str}/fields/{key:str}/kind/preview": {"kind": "whole_number"},
    "POST /collections/{slug:str}/fields/{key:str}/fill": {"value": "Untitled"},
    "POST /rooms": {"name": "Lamps"},
    "POST /rooms/direct": {"member_ids": [3]},
    "PATCH /rooms/{slug:str}": {"description": "What concerns all"},
    "POST /rooms/{slug:str}/members": {"member_id": 3},
    "PATCH /rooms/{slug:str}/membership": {"notify": "everything", "read": 0},
    "POST /collections/{slug:str}/records/{number:int}/discussion/messages": {"text": "Said about it"},
    "POST /collections/{slug:str}/records/{number:int}/lock/take-over": {"holding": 1},
    "POST /collections/{slug:str}/records/{number:int}/lock/hand-over": {"waiting": 1},
    "POST /collections/{slug:str}/records/{number:int}/lock/keep": {"waiting": 1},
    "PATCH /notifications/preferences": {"kinds": {"mention": {"in_app": True, "mail": "hourly"}}},
    "POST /notifications/mutes": {"subject": "record-1"},
    "POST /notifications/following": {"subject": "record-1"},
    "PATCH /settings": {"session_days": 30},
    "PATCH /profile": {},
    "POST /collections/{slug:str}/import/preview": {"table": "Title,Author\nImported,Someone"},
    "POST /collections/{slug:str}/import": {"table": "Title,Author\nImported,Someone", "definition": "0"},
    "PATCH /members/{member_id:int}": {"role": "viewer"},
    "POST /invitations": {"email": "new@acme.test"},
    "POST /invitations/links": {"role": "viewer"},
    "POST /announcements": {"title": "Told"},
    "POST /notifications/read": {"until": 0},
}
# What no call takes, and is no fault of ours.
BROKEN = (b"[1]", b'"x"', b'{"values": {"title": "a\\u0000b"}, "text": "\\u0000"}', b'{"wait": "x"}')
# What a viewer may give back that they have taken before they were one, and what they do with what they were told.
OWN = {
    "PATCH /profile",
    "POST /profile/picture",
    "DELETE /profile/picture",
    "PATCH /notifications/preferences",
    "POST /notifications/mutes",
    "DELETE /notifications/mutes/{subject:str}",
    "POST /notifications/following",
    "DELETE /notifications/following/{subject:str}",
    "POST /rooms/{slug:str}/membership",
    "PATCH /rooms/{slug:str}/membership",
    "DELETE /collections/{slug:str}/records/{number:int}/lock",
    "POST /notifications/read",
    "POST /announcements/{announcement_id:int}/acknowledge",
    *(f"{method} /rooms/{{slug:str}}/messages/{{message:int}}/saved" for method in ("POST", "DELETE")),
    "POST /rooms/{slug:str}/messages/{message:int}/unread",
}
# What only who asks has.
ONES_OWN = {"GET /collections/{slug:str}/records/{number:int}/draft", "GET /collections/{slug:str}/draft"}
# What ends a collection for a while, or what somebody may: these come last, in this order, so that the others are about
# what is there.
ENDING = (
    "",
    "POST /members/{member_id:int}/owner",
    "POST /collections/{slug:str}/archive",
    "POST /collections/{slug:str}/unarchive",
    "DELETE /collections/{slug:str}",
    "POST /collections/{slug:str}/restore",
)
# What is in no collection and no room: a token that is narrowed to some is not kept from it.
ELSEWHERE = (
    "/members",
    "/profile",
    "/invitations",
    "/announcements",
    "/notifications",
    "/audit",
    "/settings",
    "/tokens",
)
TABLES = (
    *("record", "revision", "message", "membership", "waiting", "collection", "kept_answer", "field", "draft"),
    *("message_revision", "reaction", "attachment", "record_file", "member", "invitation", "announcement"),
    *("collection_permission", "collection_guest", "room", "pinned_message"),
)
PEOPLE = {"guest": "gus", "viewer": "vera", "member": "carla", "admin": "bruno", "owner": "ana"}


@dataclass(frozen=True)
class Call:
    """A method and an address, the scope that it needs, and whether its body is a file."""

    method: str
    path: str
    scope: str
    brings: bool

    @property
    def name(self) -> str:
        return f"{self.method} {self.path.removeprefix('/api/v1')}"

    async def make(self, client: httpx.AsyncClient, seen: int = 1, **values: str) -> httpx.Response:
        filled = {**VALUES, **(ROOMS if "/rooms/" in self.path else {}), **values}
        path = re.sub(r"\{(\w+):\w+\}", lambda found: filled[found[1]], self.path)
        headers = {"if-match": f'"{seen}"'}
        if self.brings:
            named = {"name": "a.txt"} if path.endswith("/files") else {}
            return await client.request(self.method, path, params=named, content=b"Brought")
        return await client.request(self.method, path, json=BODIES.get(self.name), headers=headers)

    @property
    def is_elsewhere(self) -> bool:
        return self.path.removeprefix("/api/v1").startswith(ELSEWHERE)

    @property
    def parameters(self) -> list[str]:
        return re.findall(r"\{(\w+):int\}", self.path)


def list_calls() -> list[Call]:
    calls = [
        Call(method, route.path, handler.opt["scope"], brings=handler.operation_class is BringingOperation)
        for route in make_application().sites.programs.endpoints.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods - {"OPTIONS"})
        if handler.opt.get("scope", NO_SCOPE) != NO_SCOPE
    ]
    # Routes are in no order.
    return sorted(calls, key=lambda call: (ENDING.index(call.name) if call.name in ENDING else 0, call.name))


CALLS = list_calls()
each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)


def dump(server: Server) -> list[Any]:
    """All that acme has."""
    return server.store.rows_of(
        *((f"SELECT * FROM {table} WHERE tenant_id = {ACME} ORDER BY 1, 2",) for table in TABLES)
    )


async def add_things(client: httpx.AsyncClient) -> dict[str, str]:
    """One of everything that a call can be about, by an owner's program; what stands for the parameters then."""

    async def make(method: str, path: str, **given: Any) -> Any:
        answer = await client.request(method, f"/api/v1{path}", **given)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    file = await make("POST", "/rooms/general/files", params={"name": "a.txt"}, content=b"Brought")
    said = await make("POST", "/rooms/general/messages", json={"text": "Look", "files": [file["id"]]})
    await make("POST", f"/rooms/general/messages/{said['number']}/reactions", json={"emoji": "👍"})
    await make("POST", "/rooms/general/messages", json={"text": "I did", "reply_to": said["number"]})
    field = await make("POST", "/collections/books/fields", json={"name": "Scans", "kind": "files"})
    scan = await make("POST", "/collections/books/files", params={"name": "b.txt"}, content=b"Scanned")
    book = {"title": "With a scan", "author": "Someone", field["key"]: [{"id": scan["id"]}]}
    await make("POST", "/collections/books/records", json={"values": book})
    await make("POST", "/collections/books/records/40/discussion/messages", json={"text": "A lantern"})
    link = await make("POST", "/invitations/links", json={"role": "viewer"})
    told = await make("POST", "/announcements", json={"title": "Told"})
    people = (await make("GET", "/members"))["items"]
    lantern = await make("GET", "/collections/books/records/40")
    return {
        "message": str(said["number"]),
        "file_id": str(file["id"]),
        "record_file_id": str(scan["id"]),
        "invitation_id": str(link["invitation"]["id"]),
        "announcement_id": str(told["id"]),
        "subject": lantern["channel"].replace(".", "-"),
        "member_id": str(next(each["id"] for each in people if each["name"] == "Davi")),
    }


@pytest.fixture(scope="module")
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Programs of people of each role, which may do all that their members may."""
    for role in ("guest", "viewer"):
        words = (f"{PEOPLE[role]}@acme.test", "--name", PEOPLE[role], "--role", role, "--password", "long enough")
        shared_server.run("member", "add", "acme", *words)
    async with AsyncExitStack() as stack:
        programs = {
            role: await stack.enter_async_context(
                aclosing(call_with(shared_server, "acme", add_token(shared_server, "acme", f"{name}@acme.test")[1]))
            )
            for role, name in PEOPLE.items()
        }
        spare, secret = add_token(shared_server, "acme", "davi@acme.test", name="spare")
        async with aclosing(call_with(shared_server, "acme", secret)) as davi:
            assert (await davi.post("/api/v1/profile/picture", content=draw())).status_code == 200
        with pytest.MonkeyPatch.context() as patch:  # what others ask for are things of theirs
            for name, value in {**await add_things(programs["owner"]), "token_id": str(spare)}.items():
                patch.setitem(VALUES, name, value)
            await until_keys_are_written(shared_server.store)
            yield programs


@pytest.fixture(scope="module")
async def of_ana(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Programs of an owner: one for each scope, which has no other, and one that is for other places."""
    given: dict[str, dict[str, Any]] = {scope: {"scopes": [scope]} for scope in SCOPES}
    given["elsewhere"] = {"collections": [99], "rooms": [99]}
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                aclosing(
                    call_with(
                        shared_server,
                        "acme",
                        add_token(shared_server, "acme", "ana@acme.test", name=name, **columns)[1],
                    )
                )
            )
            for name, columns in given.items()
        }


def test_the_matrix_knows_the_calls() -> None:
    assert len(CALLS) > 50
    assert {call.scope for call in CALLS} <= {*SCOPES, ANY_SCOPE}
    assert {call.name for call in CALLS} >= BODIES.keys()


@pytest.mark.alike
@each_call
async def test_a_token_without_the_scope_is_refused_and_nothing_changes(
    shared_server: Server, of_ana: dict[str, httpx.AsyncClient], call: Call
) -> None:
    before = dump(shared_server)
    for scope in SCOPES:
        if call.scope != ANY_SCOPE and not Grant(frozenset({scope})).holds(call.scope):
            answer = await call.make(of_ana[scope])
            assert problem_of(answer) == (403, "insufficient-scope"), scope
            assert answer.json()["scope"] == call.scope
    assert dump(shared_server) == before


@pytest.mark.alike
@each_call
async def test_a_viewer_and_a_guest_of_nothing_change_nothing(
    shared_server: Server, people: dict[str, httpx.AsyncClient], call: Call
) -> None:
    before = dump(shared_server)
    for role in ("viewer", "guest"):
        answer = await call.make(people[role])
        if call.name in OWN:
            unread = (422,) if call.brings else ()  # what is brought is no picture
            may_be = (200, 204) if role == "viewer" else (200, 204, 404)
            assert answer.status_code in (*may_be, *unread), answer.text
        elif call.method != "GET":
            assert answer.status_code in (403, 404), f"{role}: {answer.text}"
            problem_of(answer)
        elif answer.status_code == 403 and role == "viewer":
            assert problem_of(answer) == (403, "forbidden")
        elif role == "guest" and "{" in call.path:
            assert problem_of(answer) == (404, "not-found")
        elif role == "guest" and answer.status_code != 403:
            assert {each["name"] for each in answer.json().get("items", ())} <= {"gus"}
        elif role == "viewer":
            assert answer.status_code == 200 or (answer.status_code == 404 and call.name in ONES_OWN), answer.text
    assert dump(shared_server) == before


@each_call
async def test_a_token_that_is_for_other_places_sees_and_changes_nothing_here(
    shared_server: Server, of_ana: dict[str, httpx.AsyncClient], call: Call
) -> None:
    before = dump(shared_server)
    if call.is_elsewhere:
        return
    answer = await call.make(of_ana["elsewhere"])
    if "{" in call.path:
        assert problem_of(answer) == (404, "not-found")
    elif call.method != "GET":
        assert problem_of(answer) == (403, "forbidden")
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
            answer = await call.make(here, **{name: theirs for name, (theirs, _) in world.values.items()} | OF_ACME)
            assert problem_of(answer) == (404, "not-found")
            assert not re.search(r"Lantern|Dom Casmurro", answer.text)
        elif call.method == "GET":
            assert not re.search(r"Spare lamps|acme\.test", (await call.make(here)).text)
    assert dump(shared_server) == before


@pytest.mark.parametrize(
    "roles",
    [
        pytest.param([role for role in PEOPLE if role != "owner"], id="any but an owner", marks=pytest.mark.alike),
        pytest.param(["owner"], id="an owner"),  # who is refused nothing: all that is asked for comes to the database
    ],
)
@each_call
async def test_no_call_is_a_fault_of_ours_by_any_role(
    shared_server: Server, people: dict[str, httpx.AsyncClient], call: Call, roles: list[str]
) -> None:
    ((version,),) = shared_server.store.rows(f"SELECT version FROM record WHERE tenant_id = {ACME} AND number = 40")
    for role in roles:
        client = people[role]
        odd = [{each: value} for each in call.parameters for value in ("0", "9" * 18, "9" * 30)]
        for values in ({}, {"slug": "nowhere"}, *odd):
            answer = await call.make(client, version, **values)
            assert answer.status_code < 500, f"{role}: {answer.text}"
            if answer.status_code >= 400:
                problem_of(answer)
        for body in BROKEN if not call.brings else ():
            path = re.sub(r"\{(\w+):\w+\}", lambda found: (VALUES | ROOMS)[found[1]], call.path)
            answer = await client.request(call.method, path, content=body, headers={"content-type": "application/json"})
            assert answer.status_code < 500, f"{role}: {body!r}: {answer.text}"
