"""What members want to be told, and what admins choose for everybody, by programs."""

from __future__ import annotations

import secrets
from contextlib import aclosing

import httpx

from tests.conftest import Server
from tests.programs.conftest import API, BOOK, LetIn, add_token, call_with, change_as_read, problem_of

WISHES = f"{API}/notifications/preferences"
MUTES = f"{API}/notifications/mutes"
FOLLOWED = f"{API}/notifications/following"
SETTINGS = f"{API}/settings"


async def test_what_one_is_told_is_read_and_chosen(carla: httpx.AsyncClient) -> None:
    before = (await carla.get(WISHES)).json()
    assert before["kinds"]["mention"] == {"in_app": True, "mail": "hourly", "fixed": False}
    wanted = {
        "kinds": {"mention": {"in_app": True, "mail": "daily"}},
        "quiet_from": "22:30",
        "quiet_until": "07:00",
        "time_zone": "America/Sao_Paulo",
    }
    changed = (await carla.patch(WISHES, json=wanted)).json()
    assert changed["kinds"] == {**before["kinds"], "mention": {"in_app": True, "mail": "daily", "fixed": False}}
    assert (changed["quiet_from"], changed["quiet_until"], changed["time_zone"]) == (
        *("22:30", "07:00"),
        "America/Sao_Paulo",
    )
    assert (await carla.patch(WISHES, json={"quiet_from": None, "quiet_until": None})).json()["quiet_from"] is None
    for wrong in (
        {"kinds": {"no such": {"in_app": True, "mail": "daily"}}},
        {"kinds": {"mention": {"in_app": True, "mail": "loudly"}}},
        {"quiet_from": "25:00", "quiet_until": "07:00"},
        {"quiet_from": "22:00"},
        {"time_zone": "Nowhere/Atall"},
    ):
        assert problem_of(await carla.patch(WISHES, json=wrong)) == (422, "invalid"), wrong


async def test_a_thing_is_followed_and_muted(ana: httpx.AsyncClient, carla: httpx.AsyncClient, let_in: LetIn) -> None:
    made = await ana.post(f"{API}/collections/books/records", json={"values": {"title": "Told of", "author": "A"}})
    path, subject = made.headers["location"], made.json()["channel"].replace(".", "-")

    async def change(version: int) -> None:
        body = {"values": {"notes": secrets.token_hex(4)}}
        assert (await ana.patch(path, json=body, headers={"if-match": f'"{version}"'})).status_code == 200

    async def count() -> int:
        told = (await carla.get(f"{API}/notifications", params={"unread": True, "limit": 200})).json()["items"]
        return sum(each["subject"] == subject for each in told)

    await change(1)
    assert await count() == 0
    assert (await carla.post(FOLLOWED, json={"subject": subject})).json() == {"subject": subject}
    await change(2)
    assert await count() == 1
    assert (await carla.post(MUTES, json={"subject": subject})).status_code == 200
    assert await count() == 0, "what was told of it is read"
    assert subject in [each["subject"] for each in (await carla.get(MUTES)).json()["items"]]
    narrowed = await let_in("carla@acme.test", collections=[99])
    assert (await narrowed.get(MUTES)).json()["items"] == []
    assert problem_of(await narrowed.post(FOLLOWED, json={"subject": subject})) == (404, "not-found")
    await change(3)
    assert await count() == 0
    assert (await carla.delete(f"{MUTES}/{subject}")).status_code == 204
    await change(4)
    assert await count() == 1
    assert (await carla.delete(f"{FOLLOWED}/{subject}")).status_code == 204
    await carla.patch(f"{API}/rooms/general/membership", json={"read": 0})
    for wrong in ("record-999999", "nothing", "room-1-1"):
        assert problem_of(await carla.post(MUTES, json={"subject": wrong})) == (404, "not-found")
    assert problem_of(await carla.post(FOLLOWED, json={"subject": "room-1"})) == (404, "not-found"), "no such thing"


async def test_admins_change_the_settings(ana: httpx.AsyncClient, carla: httpx.AsyncClient) -> None:
    async def list_changes() -> list[int]:
        entries = (await ana.get(f"{API}/audit")).json()["items"]
        return [each["id"] for each in entries if each["what"].startswith("setting")]

    before, known = (await ana.get(SETTINGS)).json(), await list_changes()
    try:
        changed = (await change_as_read(ana, SETTINGS, {"name": "Acme & Sons", "session_days": 7})).json()
        assert changed == {**before, "name": "Acme & Sons", "session_days": 7}
        assert problem_of(await carla.get(SETTINGS)) == (403, "forbidden")
        for wrong in ({"session_days": 3}, {"language": "xx"}, {"name": "www.evil.example"}, {"name": " "}):
            assert problem_of(await change_as_read(ana, SETTINGS, wrong)) == (422, "invalid"), wrong
        assert {*await list_changes()} - {*known}, "the audit log has it"
    finally:
        await change_as_read(ana, SETTINGS, before)


async def test_admins_see_and_end_tokens_and_never_what_they_show(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    token_id, secret = add_token(shared_server, "acme", "davi@acme.test", name="forgotten")
    listed = await ana.get(f"{API}/tokens", params={"limit": 5})
    assert secret not in listed.text
    found = next(each for each in listed.json()["items"] if each["id"] == token_id)
    assert (found["name"], found["owner"]["name"]) == ("forgotten", "Davi")
    seen, following = [], ""
    while following is not None:
        part = (await ana.get(f"{API}/tokens", params={"limit": 2, "next": following})).json()
        seen += [each["id"] for each in part["items"]]
        following = part["next"]
    assert len(seen) == len(set(seen)) > 2
    assert problem_of(await carla.delete(f"{API}/tokens/{token_id}")) == (403, "forbidden")
    async with aclosing(call_with(shared_server, "acme", secret)) as davi:
        assert (await davi.get(BOOK)).status_code == 200
        assert (await ana.delete(f"{API}/tokens/{token_id}")).status_code == 204
        assert problem_of(await davi.get(BOOK)) == (401, "unauthorized")
    assert problem_of(await ana.delete(f"{API}/tokens/{token_id}"))[0] in (404, 410)


async def test_no_program_makes_a_token_or_changes_how_somebody_signs_in(ana: httpx.AsyncClient) -> None:
    for path in ("/tokens", "/account/tokens", "/account/password", "/account/sessions"):
        assert (await ana.post(f"{API}{path}", json={})).status_code in (404, 405)


async def test_only_the_owner_hands_the_workspace_over(server: Server) -> None:
    async with (
        aclosing(call_with(server, "acme", add_token(server, "acme", "ana@acme.test")[1])) as ana,
        aclosing(call_with(server, "acme", add_token(server, "acme", "bruno@acme.test")[1])) as bruno,
    ):
        ids = {each["name"]: each["id"] for each in (await ana.get(f"{API}/members")).json()["items"]}
        assert problem_of(await bruno.post(f"{API}/members/{ids['Carla']}/owner")) == (403, "forbidden")
        assert (await ana.post(f"{API}/members/{ids['Bruno']}/owner")).json()["role"] == "owner"
        assert (await bruno.get(f"{API}/members/{ids['Ana']}")).json()["role"] == "admin"
