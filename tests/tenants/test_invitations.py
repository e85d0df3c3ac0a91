"""Invitations: by mail for one, by a link for some; each works until its end, and never longer."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest

from tests.conftest import Server

JOINING = {"name": "Eva", "password": "a long enough password", "email": "eva@example.org"}


@pytest.fixture
async def people(server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(server.let_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno", "carla")
        }


async def read_link(server: Server, to: str, count: int = 1) -> str:
    """The link in the newest mail to an address, of so many."""
    async with asyncio.timeout(10):
        while True:
            mails = [
                email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                for path in sorted((server.data_dir / "outbox").glob("*.eml"))
            ]
            found = [mail for mail in mails if mail["To"] == to]
            if len(found) >= count:
                return re.findall(r"http://acme\S+(/join\?token=\S+)", found[-1].get_body(("plain",)).get_content())[0]
            await asyncio.sleep(0.02)


async def join(server: Server, link: str, **typed: str) -> httpx.Response:
    async with server.client("acme") as visitor:
        return await visitor.post("/join", data={"token": link.partition("=")[2], **JOINING, **typed})


async def test_who_is_invited_by_mail_joins_once_under_that_address(
    server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    sent = await people["bruno"].post("/members/invitations", data={"email": "Eva@Example.org", "role": "admin"})
    assert sent.headers["location"] == "/members?done=invitation-sent&about=1"
    assert "eva@example.org" in (await people["bruno"].get("/members")).text
    assert "eva@example.org" not in (await people["carla"].get("/members")).text
    link = await read_link(server, "eva@example.org")
    async with server.client("acme") as visitor:
        for _ in range(2):
            page = await visitor.get(link)
            assert "Join Biblioteca Acme" in page.text, "opening the link uses nothing up"
    joined = await join(server, link, email="somebody@else.test")
    assert joined.headers["location"] == "/"
    assert joined.headers["set-cookie"].startswith("session=")
    members = (await people["ana"].get("/members")).text
    assert "eva@example.org" in members
    assert "somebody@else.test" not in members
    again = await join(server, link)
    assert again.status_code == 403
    assert "This invitation was used or revoked, or has expired." in again.text
    await (await server.sign_in("acme", "eva@example.org", JOINING["password"])).aclose()


async def test_a_link_lets_in_as_many_as_it_says_even_when_they_come_at_once(
    server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    made = await people["ana"].post("/members/links", data={"uses": "2", "days": "7", "role": "member"})
    link = re.findall(r"(/join\?token=[\w-]+)", made.text)[0]
    assert link not in (await people["ana"].get("/members")).text, "it is shown once"
    answers = await asyncio.gather(*(join(server, link, email=f"eva{number}@example.org") for number in range(5)))
    assert sorted(answer.status_code for answer in answers) == [303, 303, 403, 403, 403]


async def test_the_same_address_joins_once(server: Server, people: dict[str, httpx.AsyncClient]) -> None:
    made = await people["ana"].post("/members/links", data={"uses": "5", "days": "7", "role": "member"})
    link = re.findall(r"(/join\?token=[\w-]+)", made.text)[0]
    async with server.client("acme") as visitor:
        assert re.findall(r'<input id="field-(\w+)"[^>]* autofocus', (await visitor.get(link)).text) == ["email"]
    assert (await join(server, link)).status_code == 303
    again = await join(server, link)
    assert again.status_code == 422
    assert "Someone with this address is already a member." in again.text
    assert server.store.rows("SELECT uses FROM invitation") == [(1,)], "who is refused uses nothing up"


async def test_an_invitation_to_an_address_ends_when_who_has_it_joins_by_a_link(
    server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    for address in ("Eva@example.org", "rui@example.org"):
        await people["ana"].post("/members/invitations", data={"email": address, "role": "admin"})
    mailed = await read_link(server, "eva@example.org")
    made = await people["ana"].post("/members/links", data={"uses": "5", "days": "7", "role": "member"})
    link = re.findall(r"(/join\?token=[\w-]+)", made.text)[0]
    assert (await join(server, link, email="EVA@example.org")).status_code == 303
    invitations = (await people["ana"].get("/members/invitations")).text
    assert "rui@example.org" in invitations
    assert "eva@example.org" not in invitations
    assert (await people["ana"].post("/members/invitations/1/resend")).status_code == 404
    assert (await join(server, mailed, email="eva2@example.org")).status_code == 403


@pytest.mark.parametrize(
    "end", ["revoked", "maker removed", "maker demoted", "too old", "sent again", "of another workspace", "made up"]
)
async def test_an_invitation_that_has_ended_says_so(
    server: Server, people: dict[str, httpx.AsyncClient], end: str
) -> None:
    maker = people["bruno" if end.startswith("maker") else "ana"]
    await maker.post("/members/invitations", data={"email": "eva@example.org", "role": "member"})
    link = await read_link(server, "eva@example.org")
    host = "acme"
    if end == "maker removed":
        assert (await people["ana"].post("/members/2/remove")).status_code == 303
    if end == "maker demoted":
        assert (await people["ana"].post("/members/2/role", data={"role": "member"})).status_code == 303
    if end == "revoked":
        asked = (await people["bruno"].get("/members/invitations/1/revoke")).text
        assert "The link will no longer work: 1 person can still join with it." in asked, "it is not done yet"
        assert (await people["bruno"].post("/members/invitations/1/revoke")).status_code == 303
    if end == "too old":
        server.store.rows("UPDATE invitation SET expires_at = '2026-01-01 00:00:00+00'")
    if end == "sent again":
        assert (await people["ana"].post("/members/invitations/1/resend")).status_code == 303
        newer = await read_link(server, "eva@example.org", 2)
        assert newer != link
        async with server.client("acme") as visitor:
            assert (await visitor.get(newer)).status_code == 200
    if end == "of another workspace":
        host = "globex"
    if end == "made up":
        link = "/join?token=" + "x" * 500
    async with server.client(host) as visitor:
        for answer in (
            await visitor.get(link),
            await visitor.post("/join", data={"token": link.partition("=")[2], **JOINING}),
        ):
            assert answer.status_code == 403
            assert "This invitation was used or revoked, or has expired." in answer.text


async def test_who_opens_a_link_while_signed_in_is_told_as_whom(people: dict[str, httpx.AsyncClient]) -> None:
    made = await people["ana"].post("/members/links", data={"uses": "1", "days": "1", "role": "member"})
    link = re.findall(r"(/join\?token=[\w-]+)", made.text)[0]
    said = (await people["carla"].get(link)).text
    assert "You are signed in as Carla. Joining creates another account." in said
    over = (await people["carla"].get("/join?token=over")).text
    assert 'href="/">Go to Home</a>' in over
    await people["carla"].post("/logout")
    assert "You are signed in" not in (await people["carla"].get(link)).text


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ({"name": ""}, "This can&#39;t be empty."),
        ({"name": "x" * 81}, "At most 80 characters."),
        ({"password": "tiny one"}, "At least 10 characters."),
        ({"email": "nobody"}, "This does not look like an email address."),
        ({"email": "ana@acme.test"}, "Someone with this address is already a member."),
    ],
)
async def test_what_will_not_do_is_said_beside_the_field_and_nothing_is_used_up(
    server: Server, people: dict[str, httpx.AsyncClient], typed: dict[str, str], reason: str
) -> None:
    made = await people["ana"].post("/members/links", data={"uses": "1", "days": "1", "role": "member"})
    link = re.findall(r"(/join\?token=[\w-]+)", made.text)[0]
    refused = await join(server, link, **typed)
    assert refused.status_code == 422
    assert reason in refused.text
    assert JOINING["password"] not in refused.text
    assert (await join(server, link)).status_code == 303


@pytest.mark.parametrize(
    ("path", "typed", "status"),
    [
        ("invitations", {"email": "", "role": "member"}, 422),
        ("invitations", {"email": "carla@acme.test", "role": "member"}, 422),
        ("invitations", {"email": "new@example.org", "role": "king"}, 422),
        ("invitations", {"email": "new@example.org"}, 422),
        ("invitations", {"email": "new@example.org", "role": "owner"}, 403),
        ("links", {"uses": "0", "days": "7", "role": "member"}, 422),
        ("links", {"uses": "501", "days": "7", "role": "member"}, 422),
        ("links", {"uses": "x", "days": "7", "role": "member"}, 422),
        ("links", {"uses": "1", "days": "91", "role": "member"}, 422),
        ("links", {"uses": str(2**63), "days": str(2**63), "role": "member"}, 422),
        ("links", {"uses": "1", "days": "1", "role": "owner"}, 403),
    ],
)
async def test_an_invitation_that_can_not_be_is_refused(
    shared_server: Server, path: str, typed: dict[str, str], status: int
) -> None:
    async with shared_server.let_in("acme", "bruno@acme.test") as bruno:
        assert (await bruno.post(f"/members/{path}", data=typed)).status_code == status
        assert "Revoke" not in (await bruno.get("/members")).text


@pytest.mark.parametrize("path", ["invitations", "links"])
async def test_too_many_open_invitations_are_refused_where_it_can_be_read(
    server: Server, people: dict[str, httpx.AsyncClient], path: str
) -> None:
    values = ", ".join(
        f"(1, '{number:032}', 'member', 0, 1, 1, '2026-01-01 00:00:00+00', '2999-01-01 00:00:00+00')"
        for number in range(200)
    )
    columns = "tenant_id, token_hash, role, uses, most_uses, made_by_id, made_at, expires_at"
    server.store.rows(f"INSERT INTO invitation ({columns}) VALUES {values}")
    typed = {"email": "eva@example.org", "role": "member", "uses": "1", "days": "1"}
    answer = await people["ana"].post(f"/members/{path}", data=typed)
    assert answer.status_code == 422
    assert "There are 200 pending invitations. Revoke some first." in answer.text


@pytest.mark.parametrize("path", ["invitations", "links", "invitations/1/resend", "invitations/1/revoke"])
async def test_members_invite_nobody(people: dict[str, httpx.AsyncClient], path: str) -> None:
    await people["ana"].post("/members/invitations", data={"email": "eva@example.org", "role": "member"})
    typed = {"email": "new@example.org", "role": "member", "uses": "1", "days": "1"}
    assert (await people["carla"].post(f"/members/{path}", data=typed)).status_code == 403


async def test_the_page_of_an_invitation_is_read_in_another_language_by_who_is_signed_in_and_who_is_not(
    server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    await people["bruno"].post("/members/invitations", data={"email": "eva@example.org", "role": "member"})
    token = (await read_link(server, "eva@example.org")).partition("=")[2]
    async with server.client("acme") as visitor:
        for client, signed_in in ((visitor, False), (people["carla"], True)):
            switched = await client.post("/join", data={"token": token, "name": "Eva", "shown-in": "pt_BR"})
            assert switched.status_code == 200
            assert 'value="Eva"' in switched.text
            assert ("Você entrou como Carla" in switched.text) == signed_in, switched.text
            refused = await client.post("/join", data={"token": token, **JOINING, "password": "short"})
            assert refused.status_code == 422
            assert ("Carla" in refused.text) == signed_in
