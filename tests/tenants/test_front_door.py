"""The central host: what the program is, in one's language, and the way to one's workspace."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import expect

from app.accounts.members import add_member
from app.database import Database
from app.features import open_database
from app.tenants.finding import LIST_WORKSPACES_OF
from app.web.texts import translations
from tests.conftest import Server
from tests.waiting import until

ACME, GLOBEX = 1, 2


@pytest.fixture
async def visitor(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on the central host."""
    async with shared_server.client("") as client:
        yield client


async def test_the_front_door_says_what_it_is_with_a_picture_for_each_scheme(visitor: httpx.AsyncClient) -> None:
    page = await visitor.get("/")
    for way in ("/signup", "/find"):
        assert f'href="{way}"' in page.text
    pictures = re.findall(r'src(?:set)?="(/static/[^"]*\.webp)"', page.text)
    assert len(pictures) == 2
    portuguese = (await visitor.get("/", headers={"accept-language": "pt-BR"})).text
    pictures += re.findall(r'src(?:set)?="(/static/[^"]*\.pt-BR\.webp)"', portuguese)
    assert len(pictures) == 4
    for address in pictures:
        picture = await visitor.get(address)
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")


async def test_its_language_is_the_browsers_until_another_is_chosen(visitor: httpx.AsyncClient) -> None:
    say = translations("pt_BR").gettext
    portuguese = {"accept-language": "pt-BR,pt;q=0.9"}
    assert say("Find my workspace") in (await visitor.get("/", headers=portuguese)).text
    assert "Find my workspace" in (await visitor.get("/")).text
    chosen = await visitor.post("/language", data={"language": "en", "page": "/signup"})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/signup")
    cookie = chosen.headers["set-cookie"].partition(";")[0]
    page = await visitor.get("/signup", headers={**portuguese, "cookie": cookie})
    assert "Create workspace" in page.text
    missing = await visitor.get("/nothing-here", headers={**portuguese, "cookie": "language=xx"})
    assert missing.status_code == 404
    assert say("Page not found") in unescape(missing.text)


async def test_a_choice_of_language_leads_nowhere_else(visitor: httpx.AsyncClient) -> None:
    for page in ("https://evil.test/", "//evil.test", "/operator"):
        chosen = await visitor.post("/language", data={"language": "zz", "page": page})
        assert chosen.headers["location"] == "/"
        assert chosen.headers["set-cookie"].startswith("language=en;")


async def test_what_is_typed_is_kept_in_another_language_but_no_password(visitor: httpx.AsyncClient) -> None:
    say = translations("pt_BR").gettext
    typed = {"workspace": "Oficina", "slug": "oficina", "name": "Ana", "email": "ana@oficina.test", "language": "en"}
    answer = await visitor.post("/signup", data={**typed, "password": "never shown again", "shown-in": "pt_BR"})
    assert answer.status_code == 200
    assert say("Create workspace") in answer.text
    for name in ("workspace", "slug", "name", "email"):
        assert f'value="{typed[name]}"' in answer.text
    assert "never shown again" not in answer.text
    assert 'value="pt_BR" lang="pt-BR" selected' in answer.text
    assert answer.headers["set-cookie"].startswith("language=pt_BR;")
    answer = await visitor.post("/find", data={"email": "ana@oficina.test", "slug": "ofi", "shown-in": "pt_BR"})
    assert answer.text.count('value="ana@oficina.test"') == 1
    assert 'value="ofi"' in answer.text
    assert say("Check your email. If your address belongs to a workspace, a list is on its way.") not in answer.text
    answer = await visitor.post("/find", data={"sent": "yes", "slug": "ofi", "shown-in": "pt_BR"})
    assert say("Check your email. If your address belongs to a workspace, a list is on its way.") in answer.text


async def test_the_address_of_a_workspace_is_typed_beside_ones_own_and_either_is_enough(
    visitor: httpx.AsyncClient,
) -> None:
    page = await visitor.get("/find")
    assert page.text.count("<form") == 2  # and the languages
    led = await visitor.post("/find", data={"email": " ", "slug": "acme"})
    assert (led.status_code, led.headers["refresh"].startswith("0; url=")) == (200, True)
    unknown = await visitor.post("/find", data={"email": "", "slug": "nosuch"})
    assert unknown.status_code == 404


async def test_what_is_wrong_with_a_sign_up_is_listed_with_the_way_to_each_field(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/signup", data={"workspace": "Oficina", "email": "no address", "slug": "oficina"})
    assert answer.status_code == 422
    summary = re.search(r'<div class="notice danger" role="alert".*?</div>', answer.text, re.DOTALL)
    assert summary
    led_to = re.findall(r'href="#([\w-]+)"', summary[0])
    assert led_to == ["field-name", "field-email", "field-password"]
    assert all(f'id="{each}"' in answer.text for each in led_to)


async def test_a_workspace_that_there_is_not_is_said_and_the_way_to_ones_own(
    shared_server: Server, visitor: httpx.AsyncClient
) -> None:
    said = f"There is no workspace at {shared_server.host('nosuch')}"
    answer = await visitor.post("/go", data={"slug": "nosuch"})
    assert answer.status_code == 404
    assert said in answer.text
    assert 'value="nosuch"' in answer.text
    async with shared_server.client("nosuch") as client:
        page = await client.get("/c/tasks")
    assert page.status_code == 404
    assert said in page.text
    assert f'href="{shared_server.url("")}find"' in page.text


def read_mails(outbox: Path, receiver: str) -> list[str]:
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(outbox.glob("*.eml"))]
    plain = [mail.get_body(("plain",)) for mail in mails if mail["to"] == receiver]
    return [part.get_content() for part in plain if part is not None]


async def test_ones_workspaces_are_told_by_mail_and_nobody_learns_whether_there_are_any(
    server: Server,
) -> None:
    own = open_database(server.store.url)
    async with own.write(GLOBEX) as transaction:
        await add_member(transaction, email="carla@acme.test", name="Carla", role="member", password_hash="x")
    await own.close()
    async with server.client("") as visitor:
        unknown = await visitor.post("/find", data={"email": "nobody@acme.test"})
        known = await visitor.post("/find", data={"email": "Carla@acme.test"})
        assert (unknown.status_code, unknown.headers["location"]) == (known.status_code, known.headers["location"])
        assert "Check your email." in (await visitor.get(known.headers["location"])).text
        assert (await visitor.post("/find", data={"email": "carla at home"})).status_code == 422
    outbox = server.data_dir / "outbox"
    await until(lambda: read_mails(outbox, "carla@acme.test"))
    mails = read_mails(outbox, "carla@acme.test")
    assert server.url("acme") in mails[0]
    assert server.url("globex") in mails[0]
    assert not read_mails(outbox, "nobody@acme.test")


async def test_an_address_is_looked_for_in_all_workspaces_at_once(database: Database) -> None:
    async with database.write(GLOBEX) as transaction:
        await add_member(transaction, email="ana@acme.test", name="Ana", role="member", password_hash="x")
    async with database.count() as counting:
        assert await counting.column(LIST_WORKSPACES_OF, email="ana@acme.test") == [ACME, GLOBEX]
        assert await counting.column(LIST_WORKSPACES_OF, email="gil@globex.test") == [GLOBEX]
        assert await counting.column(LIST_WORKSPACES_OF, email="nobody@acme.test") == []


async def test_a_list_is_asked_for_five_times_an_hour_for_an_address(server: Server) -> None:
    async with server.client("") as visitor:
        answers = [await visitor.post("/find", data={"email": "eva@acme.test"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("slug", "free", "said"),
    [
        ("new-library", True, "This address is available."),
        ("acme", False, "This address is taken. Choose another one."),
        ("www", False, "This address is reserved. Choose another one."),
        ("a", False, "Between 3 and 40 characters."),
        ("a--b", False, "Only lowercase letters, numbers and single hyphens between them."),
    ],
)
async def test_an_address_is_looked_at_while_it_is_typed(
    visitor: httpx.AsyncClient, slug: str, free: bool, said: str
) -> None:
    assert (await visitor.get("/signup/address", params={"slug": slug})).json() == {"free": free, "said": said}


async def test_looking_at_addresses_has_a_limit(server: Server) -> None:
    answers: list[int] = []
    async with aclosing(server.client("")) as visitor:
        while set(answers) <= {200} and len(answers) < 120:  # of a minute before, a part may be counted no more
            answers.append((await visitor.get("/signup/address?slug=acme")).status_code)
    assert len(answers) > 60
    assert answers[-1] == 429


async def test_the_address_is_made_from_the_name_until_another_is_typed(
    shared_server: Server, new_context: Any
) -> None:
    page = await (await new_context()).new_page()
    await page.goto(shared_server.url("", "/signup"))
    await expect(page.get_by_label("Workspace name")).to_be_focused()
    address = page.get_by_label("Address", exact=True)
    await page.keyboard.type("Acme")
    await expect(address).to_have_value("acme")
    await expect(page.get_by_role("status")).to_have_text("This address is taken. Choose another one.")
    await page.keyboard.type(" Escola São João")
    await expect(address).to_have_value("acme-escola-sao-joao")
    await expect(page.get_by_role("status")).to_have_text("This address is available.")
    await address.fill("joao")
    await page.get_by_label("Workspace name").fill("Another")
    await expect(address).to_have_value("joao")
