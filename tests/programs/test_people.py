"""Members, invitations, notifications, announcements and the audit log, as programs see and change them."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.programs.conftest import API, LetIn, change_as_read, problem_of

ANA, BRUNO, CARLA = "ana@acme.test", "bruno@acme.test", "carla@acme.test"


@pytest.fixture
async def program(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in(ANA, name="nightly")


async def items_of(program: httpx.AsyncClient, path: str, **asked: Any) -> list[dict[str, Any]]:
    answer = await program.get(f"{API}{path}", params=asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def add_member(server: Server, program: httpx.AsyncClient, name: str) -> str:
    """A new member; where they are found."""
    server.run("member", "add", "acme", f"{name}@acme.test", "--name", name, "--password", "long enough")
    people = await items_of(program, "/members", limit=200)
    return f"{API}/members/{next(each['id'] for each in people if each['name'] == name)}"


async def test_a_member_gets_a_role_is_kept_out_let_in_and_removed(
    shared_server: Server, program: httpx.AsyncClient, let_in: LetIn
) -> None:
    path = await add_member(shared_server, program, "eva")
    eva = await let_in("eva@acme.test")
    changed = await change_as_read(program, path, {"role": "viewer"})
    assert changed.json()["role"] == "viewer"
    refused = await eva.post(f"{API}/rooms/general/messages", json={"text": "Hello"})
    assert problem_of(refused) == (403, "forbidden"), "rights that are lost are lost at once"
    suspended = await program.post(f"{path}/suspend")
    assert suspended.json()["suspended_at"]
    assert problem_of(await eva.get(f"{API}/rooms")) == (401, "unauthorized")
    assert (await program.post(f"{path}/restore")).json()["suspended_at"] is None
    assert (await eva.get(f"{API}/rooms")).status_code == 200
    assert (await program.delete(path)).status_code == 204
    assert problem_of(await program.get(path)) == (404, "not-found")
    whats = [each["what"] for each in await items_of(program, "/audit", limit=20)]
    assert {"member.role", "member.suspended", "member.restored", "member.removed"} <= {*whats}


async def test_nobody_gives_or_manages_more_than_they_may(
    shared_server: Server, program: httpx.AsyncClient, let_in: LetIn
) -> None:
    path = await add_member(shared_server, program, "fred")
    people = {each["name"]: each["id"] for each in await items_of(program, "/members")}
    bruno, carla = await let_in(BRUNO), await let_in(CARLA)
    assert problem_of(await change_as_read(bruno, path, {"role": "owner"})) == (403, "forbidden")
    assert problem_of(await carla.patch(path, json={"role": "viewer"})) == (403, "forbidden")
    for method in ("DELETE", "PATCH"):
        body = {"json": {"role": "viewer"}} if method == "PATCH" else {}
        answer = await bruno.request(method, f"{API}/members/{people['Ana']}", **body)
        assert problem_of(answer) == (403, "forbidden")
    assert problem_of(await program.patch(path, json={"role": "king"})) == (422, "invalid")
    own = await program.delete(f"{API}/members/{people['Ana']}")
    assert problem_of(own) == (403, "forbidden"), "no one manages themselves"


async def test_an_invitation_is_mailed_renewed_and_ended(program: httpx.AsyncClient, let_in: LetIn) -> None:
    made = await program.post(f"{API}/invitations", json={"email": "New@acme.test", "role": "viewer"})
    assert made.status_code == 201, made.text
    invitation = made.json()
    assert invitation["email"] == "new@acme.test"
    assert "token" not in made.text
    path = f"{API}/invitations/{invitation['id']}"
    assert (await program.post(f"{path}/renew")).json()["id"] == invitation["id"]
    assert invitation["id"] in [each["id"] for each in await items_of(program, "/invitations")]
    assert (await program.delete(path)).status_code == 204
    assert problem_of(await program.delete(path)) == (404, "not-found")
    for wrong in ({"email": "nobody"}, {"email": ANA}, {"email": "a@b.test", "role": "guest"}):
        assert problem_of(await program.post(f"{API}/invitations", json=wrong)) == (422, "invalid"), wrong
    bruno = await let_in(BRUNO)
    over = await bruno.post(f"{API}/invitations/links", json={"role": "owner"})
    assert problem_of(over) == (403, "forbidden")


async def test_a_link_is_shown_once_and_lets_people_in(shared_server: Server, program: httpx.AsyncClient) -> None:
    sent: dict[str, Any] = {
        "json": {"role": "guest", "uses": 2, "days": 3, "collections": ["books"], "rooms": ["general"]},
        "headers": {"idempotency-key": "a-link"},
    }
    made = await program.post(f"{API}/invitations/links", **sent)
    assert made.status_code == 201, made.text
    assert problem_of(await program.post(f"{API}/invitations/links", **sent)) == (409, "answer-not-kept")
    async with aclosing(shared_server.client("acme")) as anybody:
        page = await anybody.get("/join" + made.json()["link"].partition("/join")[2])
        assert page.status_code == 200, page.text
    nowhere = {"role": "guest", "rooms": ["nowhere"]}
    assert problem_of(await program.post(f"{API}/invitations/links", json=nowhere)) == (422, "invalid")
    insider = {"role": "member", "rooms": ["general"]}
    assert problem_of(await program.post(f"{API}/invitations/links", json=insider)) == (422, "invalid")


async def test_what_was_told_is_listed_and_read(program: httpx.AsyncClient, let_in: LetIn) -> None:
    carla = await let_in(CARLA)
    told = await program.post(f"{API}/announcements", json={"title": "We move", "text": "On Monday"})
    assert told.status_code == 201, told.text
    path = told.headers["location"]
    assert (await carla.get(path)).json() == told.json()
    unread = await items_of(carla, "/notifications", unread="true")
    mine = next(each for each in unread if each["subject"] == f"announcement-{told.json()['id']}")
    assert (mine["title"], mine["read_at"]) == ("We move", None)
    assert "We move" in mine["text"]
    read = await carla.post(f"{API}/notifications/read", json={"until": mine["id"], "subject": mine["subject"]})
    assert read.json() == {"changed": True}
    read = await carla.post(f"{API}/notifications/read", json={"until": mine["id"], "subject": mine["subject"]})
    assert read.json() == {"changed": False}
    assert mine["id"] not in [each["id"] for each in await items_of(carla, "/notifications", unread="true")]
    assert problem_of(await carla.post(f"{API}/announcements", json={"title": "I announce"})) == (403, "forbidden")
    assert problem_of(await carla.delete(path)) == (403, "forbidden")
    assert (await program.delete(path)).status_code == 204
    assert problem_of(await carla.get(path)) == (404, "not-found")


async def test_what_is_held_stays_unread_until_it_is_acknowledged(program: httpx.AsyncClient, let_in: LetIn) -> None:
    carla = await let_in(CARLA)
    told = await program.post(f"{API}/announcements", json={"title": "Read this", "acknowledge": True})
    (newest,) = await items_of(carla, "/notifications", limit=1)
    assert newest["held"]
    assert (await carla.post(f"{API}/notifications/read", json={"until": newest["id"]})).status_code == 200
    assert newest["id"] in [each["id"] for each in await items_of(carla, "/notifications", unread="true")]
    assert (await carla.post(f"{told.headers['location']}/acknowledge")).status_code == 200
    assert newest["id"] not in [each["id"] for each in await items_of(carla, "/notifications", unread="true")]


async def test_an_announcement_ends_at_a_moment_that_is_to_come(program: httpx.AsyncClient, let_in: LetIn) -> None:
    for wrong in ("2001-01-01T00:00:00Z", "2999-01-01T00:00:00", "soon"):
        answer = await program.post(f"{API}/announcements", json={"title": "Short", "ends_at": wrong})
        assert problem_of(answer) == (422, "invalid"), wrong
    told = await program.post(f"{API}/announcements", json={"title": "Long", "ends_at": "2999-01-01T00:00:00+02:00"})
    assert told.json()["ends_at"] == "2998-12-31T22:00:00Z"


async def test_a_narrowed_token_reads_nothing_away_that_it_does_not_see(let_in: LetIn) -> None:
    ana, carla = await let_in(ANA), await let_in(CARLA)
    narrowed = await let_in(CARLA, collections=[99], rooms=[99])
    said = await ana.post(f"{API}/rooms/general/messages", json={"text": "@Carla: still to be read"})
    assert said.status_code == 201, said.text
    newest = (await items_of(carla, "/notifications", unread=True))[0]
    read = {"until": newest["id"]}
    for body in (read, {**read, "subject": newest["subject"]}):
        assert (await narrowed.post(f"{API}/notifications/read", json=body)).status_code == 200
        assert newest in await items_of(carla, "/notifications", unread=True)
    assert (await carla.post(f"{API}/notifications/read", json=read)).json() == {"changed": True}
    assert newest["id"] not in {each["id"] for each in await items_of(carla, "/notifications", unread=True)}


async def test_a_narrowed_token_invites_only_to_what_it_is_for(let_in: LetIn) -> None:
    ana = await let_in(ANA)
    assert (await ana.post(f"{API}/rooms", json={"name": "Not for it"})).status_code == 201
    rooms = {each["slug"]: int(each["channel"].partition(".")[2]) for each in await items_of(ana, "/rooms")}
    narrowed = await let_in(ANA, collections=[99], rooms=[rooms["general"]])

    async def link(**things: Any) -> httpx.Response:
        return await narrowed.post(f"{API}/invitations/links", json={"role": "guest", "uses": 1, "days": 1, **things})

    other = next(slug for slug in rooms if slug != "general")
    for things in ({"rooms": [other]}, {"rooms": ["nowhere"]}, {"collections": ["books"]}):
        refused = await link(**things)
        assert problem_of(refused) == (422, "invalid")
        assert "that you may invite to" in refused.json()["errors"][0]["detail"]
    assert (await link(rooms=["general"])).status_code == 201


async def test_a_narrowed_token_reads_no_audit_log(let_in: LetIn) -> None:
    ana = await let_in(ANA)
    for narrowing in ({"collections": [99]}, {"rooms": [99]}):
        narrowed = await let_in(ANA, **narrowing)
        assert problem_of(await narrowed.get(f"{API}/audit")) == (403, "forbidden")
    assert (await ana.get(f"{API}/audit")).status_code == 200


async def test_a_narrowed_token_is_told_nothing_of_other_places(let_in: LetIn) -> None:
    ana, carla = await let_in(ANA), await let_in(CARLA)
    narrowed = await let_in(CARLA, collections=[99], rooms=[99])
    said = await ana.post(f"{API}/rooms/general/messages", json={"text": "@Carla: look at this"})
    assert said.status_code == 201, said.text

    async def kinds_of(client: httpx.AsyncClient) -> set[str]:
        return {each["subject"].partition("-")[0] for each in await items_of(client, "/notifications", limit=200)}

    assert "room" in await kinds_of(carla)
    assert not {"room", "record", "collection"} & await kinds_of(narrowed)
