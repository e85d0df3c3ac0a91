"""Names of people and workspaces stand in mails to strangers: they hold no address of a page."""

from __future__ import annotations

import html
from contextlib import aclosing

import pytest

from app.web.forms import Form
from tests.conftest import Server

LINKED = [
    "Visit http://evil.test now",
    "https:/evil.test",
    "www.evil",
    "WWW2.evil",
    "example.com",
    "example.com/path",
    "Free gifts at win.zip!",
    "evil。com",
    "evil．com",
    "evil｡com",
    "evil\u200b.\u200bcom",
    "ｅｖｉｌ．ｃｏｍ",
    "пример.рф",
    "xn--e1afmkfd.xn--p1ai",
    "somebody@example.org",
    "mailto:somebody@localhost",
    "javascript:alert(1)",
    "192.0.2.1",
    "tel:123",
    "हिन्दी.com",
    "💩.la",
    "☎️.com",
    "e\u0332.com",
    "a\ufe0f.com",
    "(evil).com",
    "http:\\\\evil",
    "\\\\evil",
    "//evil",
]
NAMES = [
    "Ana",
    "Dr. Rita d'Ávila",
    "Associação S. A. do Bairro",
    "Livraria Cia. Ltda.",
    "J. R. R. Tolkien",
    "J.R.R. Tolkien",
    "S.A.",
    "Clínica <Boa> & Vista",
    "Turma 2.0",
    "Room 3/4: books",
    "Ana…",
    "Ana: books",
    "العربية",
    "山田 太郎",
    "А.С. Пушкин",
    "R.É. Dupont",
    "हिन्दी सभा",
    "Ana ☎️",
    "Prof.ª Maria",
]
WHY = "A name can't contain a web address. After a dot, leave a space."


@pytest.mark.parametrize("name", LINKED)
def test_what_a_mail_program_makes_a_link_of_is_no_name(name: str) -> None:
    form = Form([("name", name)])
    form.name("name")
    assert form.errors["name"].message == WHY


@pytest.mark.parametrize("name", NAMES)
def test_other_names_are_names(name: str) -> None:
    form = Form([("name", name)])
    assert form.name("name") == name
    assert form.errors == {}


async def test_every_way_to_a_name_refuses_an_address_beside_the_field(server: Server) -> None:
    why, linked = html.escape(WHY).replace("&#x27;", "&#39;"), "Visit www.evil.test"
    signing_up = {
        "workspace": "Boa Vista",
        "slug": "boavista",
        "language": "en",
        "name": "Rita",
        "email": "rita@boavista.test",
        "password": "a password for Rita",
    }
    async with server.client("") as visitor:
        for field in ("workspace", "name"):
            answer = await visitor.post("/signup", data={**signing_up, field: linked})
            assert answer.status_code == 422
            assert f'id="error-{field}"' in answer.text
            assert why in answer.text
            assert linked in answer.text
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        settings = {"name": linked, "language": "en", "session_days": "30"}
        made = await ana.post("/members/links", data={"uses": "1", "days": "1", "role": "member"})
        token = made.text.partition("/join?token=")[2].partition('"')[0]
        joining = {"token": token, "name": linked, "email": "eva@example.org", "password": "a long enough password"}
        for path, typed in (("/account/name", {"name": linked}), ("/settings", settings), ("/join", joining)):
            answer = await ana.post(path, data=typed)
            assert answer.status_code == 422, path
            assert why in answer.text, path
            assert linked in answer.text, path
        server.store.rows("UPDATE tenant SET name = 'Acme.org' WHERE id = 1")
        server.store.rows("UPDATE member SET name = 'Ana.com' WHERE id = 1")
        kept = await ana.post("/settings", data={**settings, "name": "Acme.org", "language": "pt_BR"})
        assert kept.status_code == 303, "a name from before goes on"
        assert (await ana.post("/account/name", data={"name": "Ana.com"})).status_code == 303
    added = server.run("member", "add", "acme", "eva@example.org", "--name", linked, "--password", "long enough for it")
    assert added.returncode != 0
    assert WHY in added.stderr


@pytest.mark.parametrize("name", ["\u2800", "\u3164", "\u115f \u1160", "\uffa0", "\u200b", "\ufe0f\u0301"])
def test_a_name_that_nobody_can_see_is_empty(name: str) -> None:
    form = Form([("name", name)])
    form.name("name")
    assert form.errors["name"].message == "This can't be empty."
