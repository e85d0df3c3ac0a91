"""Where mails really go out, a new workspace confirms its owner's address before it invites by mail."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import Server, end_server, start_server
from tests.databases import Store
from tests.post import Post, plain

TYPED = {
    "workspace": "Boa Vista",
    "slug": "boavista",
    "language": "en",
    "name": "Rita",
    "email": "rita@boavista.test",
    "password": "a password for Rita",
}
GUEST = {"email": "eva@example.org", "role": "member"}


@pytest.fixture
def mailing(seeded: Store, tmp_path: Path, post: Post) -> Iterator[Server]:
    """A server whose mails go out."""
    post.open()
    made = start_server(seeded, tmp_path, SMTP_URL=f"smtp://127.0.0.1:{post.port}")
    yield made
    end_server(made)


@dataclass
class Owner:
    """Rita in the workspace that she has just made."""

    server: Server
    client: httpx.AsyncClient


@pytest.fixture
async def rita(mailing: Server) -> AsyncIterator[Owner]:
    async with mailing.client("") as visitor, mailing.client("boavista") as client:
        made = await visitor.post("/signup", data=TYPED)
        door = urlsplit(made.headers["refresh"].partition("url=")[2])
        entered = await client.post("/enter", data={"token": door.query.partition("=")[2]})
        client.headers["cookie"] = entered.headers["set-cookie"].partition(";")[0]
        yield Owner(mailing, client)


def link_in(mail: str) -> str:
    found = re.search(r"http://[^/\s]+(/confirm\?token=\S+)", mail)
    assert found, mail
    return found[1]


async def test_an_owner_confirms_the_address_by_a_link_and_can_invite_by_mail_then(rita: Owner, post: Post) -> None:
    mail = (await post.wait(1))[0]
    assert mail["To"] == TYPED["email"]
    page = await rita.client.get("/members")
    assert "Confirm your own address first" in page.text
    assert 'action="/members/invitations"' not in page.text
    refused = await rita.client.post("/members/invitations", data=GUEST)
    assert refused.status_code == 422
    assert "An owner has to confirm their own address first." in refused.text
    link = link_in(plain(mail))

    async with rita.server.client("boavista") as reader:  # in another browser, without a session
        opened = await reader.get(link)
        assert opened.status_code == 200
        assert "Confirm your own address first" in (await rita.client.get("/members")).text, "opening it is not enough"
        token = {"token": link.partition("=")[2]}
        confirmed = await reader.post("/confirm", data=token)
        assert (confirmed.status_code, confirmed.headers["location"]) == (303, "/members?done=mail-confirmed")
        again = await reader.post("/confirm", data=token)
        assert again.status_code == 403
        assert "This link no longer works" in again.text
        assert "The People page" in again.text
        assert '<a class="btn" href="/members">People</a>' in again.text

    assert (await rita.client.post("/members/invitations", data=GUEST)).status_code == 303
    assert (await post.wait(2))[1]["To"] == GUEST["email"]


async def test_links_to_copy_need_no_confirmed_address(rita: Owner) -> None:
    made = await rita.client.post("/members/links", data={"role": "member", "uses": "1", "days": "1"})
    assert made.status_code == 200
    assert "/join?token=" in made.text


async def test_the_link_is_sent_again_to_an_owner_who_asks_some_times_a_day(rita: Owner, post: Post) -> None:
    first = link_in(plain((await post.wait(1))[0]))
    sent = [await rita.client.post("/account/confirm-mail") for _ in range(6)]
    assert [answer.status_code for answer in sent] == [303] * 5 + [429]
    assert "its daily email limit" in sent[-1].text
    assert int(sent[-1].headers["retry-after"]) > 60
    async with rita.server.client("boavista") as reader:
        assert (await reader.get(first)).status_code == 403, "a newer one was sent"


async def test_a_password_that_is_set_by_mail_confirms_the_address_too(rita: Owner, post: Post) -> None:
    await rita.client.post("/forgotten", data={"email": TYPED["email"]})
    mails = await post.wait(2)
    token = re.search(r"/password\?token=(\S+)", plain(mails[1]))
    assert token
    async with rita.server.client("boavista") as reader:
        await reader.post("/password", data={"token": token[1], "password": "another password"})
    assert rita.server.store.rows("SELECT count(*) FROM tenant WHERE mail_confirmed_at IS NULL") == [(0,)]


async def test_workspaces_that_were_there_and_the_demo_are_confirmed(mailing: Server, post: Post) -> None:
    async with aclosing(await mailing.sign_in("acme", "ana@acme.test")) as ana:
        assert (await ana.post("/members/invitations", data=GUEST)).status_code == 303
        assert (await ana.post("/account/confirm-mail")).status_code == 303
        async with aclosing(await mailing.sign_in("acme", "carla@acme.test")) as carla:
            assert (await carla.post("/account/confirm-mail")).status_code == 403
    assert [mail["To"] for mail in await post.wait(1)] == [GUEST["email"]]


async def test_an_address_is_invited_some_times_a_day_whoever_asks(mailing: Server, post: Post) -> None:
    async with aclosing(await mailing.sign_in("acme", "ana@acme.test")) as ana:
        statuses = [(await ana.post("/members/invitations", data=GUEST)).status_code for _ in range(3)]
        number = mailing.store.rows("SELECT max(id) FROM invitation")[0][0]
        again = [await ana.post(f"/members/invitations/{number}/resend") for _ in range(3)]
        statuses += [answer.status_code for answer in again]
        assert statuses == [303] * 5 + [429]
        assert "its daily email limit" in again[-1].text
        assert int(again[-1].headers["retry-after"]) > 60
        other = await ana.post("/members/invitations", data={**GUEST, "email": "ada@example.org"})
        assert other.status_code == 303
    async with aclosing(await mailing.sign_in("globex", "gil@globex.test")) as gil:
        name, _, domain = GUEST["email"].partition("@")
        same = [GUEST["email"], *(f"{name}+{number}@{domain.upper()}" for number in range(5))]
        statuses = [
            (await gil.post("/members/invitations", data={**GUEST, "email": address})).status_code for address in same
        ]
        assert statuses == [303] * 5 + [429]
