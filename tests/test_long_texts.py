"""A text that is too long is refused with a message beside its field, and is still there: nothing cuts it silently."""

from __future__ import annotations

import re
from contextlib import aclosing

import pytest

from app.web.templates import APP
from tests.conftest import Server
from tests.fields import AUTHOR, NOTES, TITLE

# Each text that has a limit: who types it, the page of its form and where that is sent to, with what else, the field,
# and how many characters it takes.
LIMITS = [
    ("ana", "/c/books/new", "", {TITLE: "T"}, AUTHOR, 500),
    ("ana", "/c/books/new", "", {TITLE: "T"}, NOTES, 20_000),
    ("ana", "/c/books/12/edit", "", {TITLE: "T"}, AUTHOR, 500),
    ("ana", "/c/books/12/edit", "", {TITLE: "T"}, NOTES, 20_000),
    ("ana", "/announcements", "", {"text": "T"}, "title", 120),
    ("ana", "/announcements", "", {"title": "T"}, "text", 4_000),
    ("ana", "/chat/new", "", {}, "name", 80),
    ("ana", "/chat/new", "", {"name": "T"}, "description", 500),
    ("ana", "/chat/general/about", "", {}, "name", 80),
    ("ana", "/chat/general/about", "", {"name": "general"}, "description", 500),
    ("ana", "/chat/general", "", {"key": "long"}, "text", 8_000),
    ("ana", "/collections/new", "", {"first": "T"}, "name", 60),
    ("ana", "/collections/new", "", {"name": "T"}, "first", 60),
    ("ana", "/c/books/fields", "", {"kind": "text"}, "label", 60),
    ("ana", "/c/books/fields", "", {"kind": "text", "label": "T"}, "help", 200),
    ("ana", "/c/books/fields", "", {"kind": "text", "label": "T"}, "default", 500),
    ("ana", "/c/books/fields/author", "", {"action": "save"}, "label", 60),
    ("ana", "/c/books/fields", "/c/books/rename", {}, "collection_name", 60),
    ("ana", "/settings", "", {"language": "en", "session_days": "30"}, "name", 80),
    ("ana", "/members", "/members/invitations", {"role": "member"}, "email", 254),
    ("ana", "/account", "/account/name", {}, "name", 80),
    ("", "/join", "", {"email": "a@example.org", "password": "long enough, this"}, "name", 80),
    ("", "/join", "", {"name": "A", "password": "long enough, this"}, "email", 254),
    ("central", "/signup", "", {"slug": "s", "name": "A", "email": "a@example.org"}, "workspace", 80),
    ("central", "/signup", "", {"slug": "s", "workspace": "W", "email": "a@example.org"}, "name", 80),
    ("central", "/signup", "", {"name": "A", "workspace": "W", "email": "a@example.org"}, "slug", 40),
]


@pytest.mark.parametrize(
    ("who", "page", "address", "filled", "field", "limit"), LIMITS, ids=[f"{each[1]} {each[4]}" for each in LIMITS]
)
async def test_a_text_over_the_limit_is_refused_and_kept(
    shared_server: Server, who: str, page: str, address: str, filled: dict[str, str], field: str, limit: int
) -> None:
    text = ("a" * 60 + " ") * (limit // 61 + 1) + "the end"
    text = {"email": "a" * limit + "@example.org", "slug": "a" * (limit + 1)}.get(field, text)
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        hidden = {}
        if page == "/join":
            link = await ana.post("/members/links", data={"uses": "1", "days": "1", "role": "member"})
            hidden = {"token": re.findall(r"/join\?token=([\w-]+)", link.text)[0]}
        if who == "ana":
            shown = (await ana.get(page)).text
            hidden = dict(re.findall(r'type="hidden" name="(lock-token|version)" value="([\w-]+)"', shown))
        client = ana if who == "ana" else shared_server.client("" if who == "central" else "acme")
        answer = await client.post(address or page, data={**hidden, **filled, field: text})
        if client is not ana:
            await client.aclose()
    assert answer.status_code == 422
    assert text in answer.text
    assert f'id="error-{field}"' in answer.text or (field == "text" and "can have up to" in answer.text)


def test_nothing_that_people_type_into_cuts_what_they_paste() -> None:
    pages = sorted((APP / "templates").rglob("*.html"))
    scripts = list((APP / "static" / "js").rglob("*.js"))
    assert [path.name for path in (*pages, *scripts) if "maxlength" in path.read_text().lower()] == []
