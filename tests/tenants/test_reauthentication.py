"""Whoever does something that can't be taken back has given the password within a quarter of an hour."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from unittest.mock import ANY

import httpx
import pytest
from litestar.routes import HTTPRoute

from app.demo import PASSWORD
from tests.conftest import Server
from tests.test_isolation import list_routes

# Every dangerous route, with an address of it in acme and forms that Ana may post there. A new one needs a line here.
DANGEROUS = {
    "/members/{member_id:int}/owner": ("/members/2/owner", [{}]),
    "/members/{member_id:int}/role": ("/members/3/role", [{"role": "admin"}, {"role": "owner"}]),
    "/members/{member_id:int}/remove": ("/members/3/remove", [{}]),
    "/members/invitations": (
        "/members/invitations",
        [{"email": "eva@example.org", "role": "admin"}, {"email": "eva@example.org", "role": "owner"}],
    ),
    "/members/links": (
        "/members/links",
        [{"uses": "1", "days": "1", "role": "admin"}, {"uses": "1", "days": "1", "role": "owner"}],
    ),
    "/c/{slug:str}/remove": ("/c/spare/remove", [{}]),
    "/account/leave": ("/account/leave", [{"sure": "yes"}]),
    "/settings/webhooks": ("/settings/webhooks", [{"address": "https://hooks.invalid/hook"}]),
    "/settings/webhooks/{webhook_id:int}/secret": ("/settings/webhooks/1/secret", [{}]),
    "/account/tokens": ("/account/tokens", [{"name": "nightly", "scopes": "records:read", "ends": "30"}]),
    "/settings/apps": ("/settings/apps", [{"name": "Front end", "role": "member", "scopes": "records:read"}]),
    "/settings/apps/{app_id:int}/secret": ("/settings/apps/1/secret", [{}]),
    "/settings/apps/{app_id:int}/webhook": (
        "/settings/apps/1/webhook",
        [{"address": "https://hooks.invalid/hook", "kinds": "presence"}],
    ),
    "/chat/{slug:str}/incoming": ("/chat/general/incoming", [{"name": "Build server"}]),
}
# What can be taken back, harms nobody, or asks for the password by itself. A new route needs a line here or above:
# does it give somebody rights, take an account away, or delete what does not come back from the bin?
HARMLESS = {
    *("/c/{slug:str}/new/draft", "/c/{slug:str}/new/draft/discard"),
    *("/chat/{slug:str}/draft/discard", "/discussion/{subject:str}/draft/discard"),
    *("/c/{slug:str}/columns", "/c/{slug:str}/pin", "/c/{slug:str}/bin/restore", "/c/{slug:str}/import/file"),
    *("/login", "/logout", "/enter", "/forgotten", "/password", "/join", "/confirm", "/unsubscribe"),
    *("/account/name", "/account/time-zone", "/account/picture", "/account/picture/remove", "/account/password"),
    *("/account/sessions/{session_id:int}/end", "/account/sessions/end-others", "/account/confirm-mail"),
    *("/members/{member_id:int}/suspend", "/members/{member_id:int}/restore"),
    *("/members/invitations/{invitation_id:int}/resend", "/members/invitations/{invitation_id:int}/revoke"),
    *("/settings", "/settings/security", "/settings/logo", "/settings/logo/remove"),
    *(
        f"/settings/webhooks/{{webhook_id:int}}/{what}"
        for what in ("enable", "disable", "test", "again", "skip", "replay", "remove")
    ),
    *("/account/tokens/{token_id:int}/end", "/settings/tokens/{token_id:int}/end"),
    *(f"/settings/apps/{{app_id:int}}/{what}" for what in ("picture", "picture/remove", "deliveries/again")),
    *("/settings/apps/{app_id:int}", "/settings/apps/{app_id:int}/secret/drop", "/settings/apps/{app_id:int}/end"),
    "/incoming-addresses/{address_id:int}/end",
    *("/c/{slug:str}/archive", "/c/{slug:str}/restore"),
    *("/c/{slug:str}/permissions", "/c/{slug:str}/guests", "/c/{slug:str}/guests/remove"),
    *("/collections/new", "/c/{slug:str}/rename", "/c/{slug:str}/fields", "/c/{slug:str}/import"),
    *("/c/{slug:str}/fields/{key:str}", "/c/{slug:str}/fields/{key:str}/restore"),
    *("/c/{slug:str}/fields/{key:str}/kind", "/c/{slug:str}/fields/{key:str}/fill"),
    *("/c/{slug:str}/new", "/c/{slug:str}/delete"),  # into the bin
    *("/c/{slug:str}/{number:int}/edit", "/c/{slug:str}/{number:int}/delete", "/c/{slug:str}/{number:int}/restore"),
    "/c/{slug:str}/{number:int}/revisions/{version:int}/restore",
    *(f"/c/{{slug:str}}/{{number:int}}/lock/{what}" for what in ("renew", "release", "ask", "keep", "hand-over")),
    "/c/{slug:str}/{number:int}/lock/take-over",
    *(f"/c/{{slug:str}}/{{number:int}}/queue/{what}" for what in ("stay", "leave")),
    *(f"/c/{{slug:str}}/{{number:int}}/draft{what}" for what in ("", "/restore", "/discard")),
    *("/chat/new", "/chat/direct", "/chat/{slug:str}", "/files/{file_id:int}/take-out", "/files/take-out"),
    "/files/hold",
    *("/c/{slug:str}/files/{key:str}", "/c/{slug:str}/preview/{key:str}"),
    *(f"/chat/{{slug:str}}/{what}" for what in ("read", "draft", "files", "typing", "about", "notify", "join")),
    *(f"/chat/{{slug:str}}/{what}" for what in ("leave", "invite", "remove", "archive")),
    *(f"/chat/{{slug:str}}/messages/{{number:int}}/{what}" for what in ("edit", "delete", "react")),
    *(f"/chat/{{slug:str}}/messages/{{number:int}}/{what}" for what in ("pin", "save", "unread")),
    *(f"/discussion/{{subject:str}}{what}" for what in ("", "/typing", "/draft", "/files")),
    *(f"/notifications/{what}" for what in ("read", "read-all", "mute", "mute-kind", "preferences", "unmute")),
    *("/follow/{subject:str}", "/unfollow/{subject:str}", "/announcements", "/undo/{undo_id:int}"),
    *(f"/announcements/{{announcement_id:int}}/{what}" for what in ("acknowledge", "withdraw")),
}
each_dangerous = pytest.mark.parametrize(
    ("path", "typed"), [(path, typed) for path, forms in DANGEROUS.values() for typed in forms]
)


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Ana, who has given her password an hour ago."""
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as client:
        if (await client.post("/c/spare/restore")).status_code == 404:  # a test before has deleted it, or none was yet
            await client.post("/collections/new", data={"name": "Spare", "first": "Title"})
        await client.post("/settings/apps", data={"name": "First", "role": "member"})
        if (await client.get("/settings/webhooks/1")).status_code == 404:
            await client.post("/settings/webhooks", data={"address": "https://hooks.invalid/hook"})
        grow_old(shared_server)
        yield client


def grow_old(server: Server) -> None:
    server.store.rows("UPDATE session SET password_at = '2026-01-01 00:00:00+00'")


def dump(server: Server) -> list[object]:
    """What the dangerous acts would change."""
    tables = ("member", "invitation", "collection", "field", "mail", "audit_entry")
    return [sorted(rows, key=repr) for rows in server.store.rows_of(*((f"SELECT * FROM {table}",) for table in tables))]


def carried(page: str) -> dict[str, str]:
    """The form of the page that asks, but for the password."""
    main = page.partition("<main")[2]
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', main)
    return {name: html.unescape(value) for name, value in found}


def test_every_route_that_changes_something_is_known_to_be_dangerous_or_not() -> None:
    declared, others = set(), set()
    for route in list_routes():
        for handler in route.route_handlers if isinstance(route, HTTPRoute) else []:
            if handler.http_methods & {"POST", "PUT", "PATCH", "DELETE"}:
                (declared if "danger" in handler.opt else others).add(route.path)
    assert declared == set(DANGEROUS)
    assert others - HARMLESS == set(), "a new route: add it to DANGEROUS or HARMLESS in this file"
    assert HARMLESS - others == set(), "a route that is not there any more"


@pytest.fixture
def another_owner(shared_server: Server) -> Iterator[None]:
    """Bruno is an owner too: the only one can't leave."""
    shared_server.store.rows("UPDATE member SET role = 'owner' WHERE id = 2")
    yield
    shared_server.store.rows("UPDATE member SET role = 'admin' WHERE id = 2")


@each_dangerous
@pytest.mark.usefixtures("another_owner")
async def test_a_dangerous_act_asks_for_the_password_and_does_nothing_meanwhile(
    shared_server: Server, ana: httpx.AsyncClient, path: str, typed: dict[str, str]
) -> None:
    before = dump(shared_server)
    asked = await ana.post(path, data=typed)
    assert asked.status_code == 403
    assert f'action="{path}"' in asked.text
    assert carried(asked.text) == {**typed, "question-said": ANY, "form-key": ANY}
    called = await ana.post(path, data=typed, headers={"x-page": "1"})
    assert (called.status_code, called.text) == (403, "Open the page again and enter your password.")
    assert dump(shared_server) == before


async def test_a_wrong_password_is_said_and_what_was_posted_is_kept(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    before = dump(shared_server)
    typed = {"email": "eva@example.org", "role": "owner"}
    wrong = await ana.post("/members/invitations", data={**typed, "password-again": "not hers"})
    assert wrong.status_code == 422
    assert "Wrong password." in wrong.text
    assert carried(wrong.text) == {**typed, "question-said": ANY, "form-key": ANY}
    assert "not hers" not in wrong.text
    assert dump(shared_server) == before


@each_dangerous
async def test_cancelling_leads_to_a_page_after_a_wrong_password_too(
    shared_server: Server, ana: httpx.AsyncClient, path: str, typed: dict[str, str]
) -> None:
    wrong = await ana.post(
        path, data={**typed, "password-again": "not hers"}, headers={"referer": f"{ana.headers['origin']}{path}"}
    )
    assert wrong.status_code == 422
    found = re.search(r'<a class="btn" href="([^"]+)" data-cancel>Cancel</a>', wrong.text)
    assert found
    assert path.startswith(found[1])
    assert (await ana.get(found[1])).status_code == 200


@each_dangerous
async def test_with_the_password_it_goes_on_with_what_was_posted(
    shared_server: Server, ana: httpx.AsyncClient, path: str, typed: dict[str, str]
) -> None:
    # Carla's session can do none of this: what is asked for is done by her rights, and not by her password.
    async with aclosing(await shared_server.sign_in("acme", "carla@acme.test")) as carla:
        grow_old(shared_server)
        refused = await carla.post(path, data={"password-again": PASSWORD, "role": "owner"})
        assert refused.status_code in (403, 404, 422)
        again = await carla.post(path, data={"role": "owner"})
        assert "password-again" not in again.text, "it was given"
    asked = await ana.post(path, data=typed)
    unsure = {} if path == "/account/leave" else carried(asked.text)
    done = await ana.post(path, data={**unsure, "password-again": PASSWORD})
    if path == "/account/leave":
        assert done.status_code == 422
        assert "Confirm that you are sure." in done.text
    elif path == "/members/links":
        assert done.status_code == 200
        assert "/join?token=" in done.text
    elif path == "/account/tokens" or path.endswith("/incoming") or "webhooks" in path:
        assert done.status_code == 200
        assert "mut_" in done.text or "whsec_" in done.text
    elif path.startswith("/settings/apps") and not path.endswith("/webhook"):
        assert done.status_code == 200
        assert "REVERB_APP_SECRET=" in done.text
    else:
        assert done.status_code == 303, done.text
    if path.startswith("/members/2") or path.startswith("/members/3"):  # back to how it was
        shared_server.store.rows("UPDATE member SET role = 'owner' WHERE id = 1")
        shared_server.store.rows("UPDATE member SET role = 'admin' WHERE id = 2")
        shared_server.store.rows("UPDATE member SET role = 'member' WHERE id = 3")
    shared_server.store.rows(
        "UPDATE member SET removed_at = NULL, email = 'carla@acme.test', password_hash ="
        " (SELECT password_hash FROM (SELECT id, password_hash FROM member) AS other WHERE id = 1) WHERE id = 3"
    )


@pytest.mark.parametrize(
    ("path", "typed"),
    [
        ("/members/3/role", {"role": "member"}),
        ("/members/invitations", {"email": "dora@example.org", "role": "member"}),
        ("/c/books/fields/title", {"action": "down"}),
    ],
)
async def test_the_same_address_does_what_is_not_dangerous_at_once(
    ana: httpx.AsyncClient, path: str, typed: dict[str, str]
) -> None:
    assert (await ana.post(path, data=typed)).status_code == 303


@pytest.mark.parametrize("role", ["", "king", "ádmin"])
async def test_what_is_no_role_is_refused_and_not_asked_about(ana: httpx.AsyncClient, role: str) -> None:
    refused = await ana.post("/members/3/role", data={"role": role})
    assert refused.status_code == 422
    assert "Choose one of the roles." in refused.text
    assert "Make Carla an" not in refused.text


async def test_who_has_just_signed_in_is_not_asked(shared_server: Server) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as fresh:
        made = await fresh.post("/members/links", data={"uses": "1", "days": "1", "role": "admin"})
        assert made.status_code == 200
        assert "/join?token=" in made.text


async def test_wrong_passwords_are_counted_for_the_session_that_gives_them(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    async with aclosing(await shared_server.sign_in("acme", "davi@acme.test")) as davi:
        grow_old(shared_server)
        wrong = {"sure": "yes", "password-again": "not his"}
        answers = [await davi.post("/account/leave", data=wrong) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_who_is_signed_in_gets_on_whatever_strangers_try(shared_server: Server) -> None:
    async with aclosing(await shared_server.sign_in("acme", "carla@acme.test")) as carla:
        grow_old(shared_server)
        async with shared_server.client("acme") as stranger:
            wrong = {"email": "carla@acme.test", "password": "a guess"}
            answers = [(await stranger.post("/login", data=wrong)).status_code for _ in range(11)]
        assert answers == [422] * 10 + [429]
        left = await carla.post("/account/leave", data={"sure": "yes", "password-again": "a typing error"})
        assert left.status_code == 422
        typed = {"password": PASSWORD, "new_password": "another long password"}
        assert (await carla.post("/account/password", data=typed)).status_code == 303


async def test_nobody_without_a_session_is_asked_for_a_password(shared_server: Server) -> None:
    async with shared_server.client("acme") as stranger:
        for path, _ in DANGEROUS.values():
            answer = await stranger.post(path, data={"password-again": PASSWORD, "role": "owner"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/login")
