"""A form that makes something makes it once, also when it is sent again because its answer was lost."""

from __future__ import annotations

import asyncio
import inspect
import re
from contextlib import aclosing
from dataclasses import dataclass
from html import escape

import httpx
import pytest
from litestar.routes import HTTPRoute

from app.web.templates import APP
from tests.conftest import Server
from tests.test_isolation import list_routes


@dataclass(frozen=True)
class Made:
    """A form that makes something: its page, what it is filled in with, which field is changed to what, what counts
    what was made, and with what it is refused. Of what is `named`, a workspace has one of each name."""

    page: str
    filled: dict[str, str]
    changed: tuple[str, str]
    counted: str
    wrong: dict[str, str]
    post: str = ""
    led_to: str = ""
    named: bool = False

    @property
    def address(self) -> str:
        return self.post or self.page


MADE = [
    Made(
        "/c/books/new",
        {"title": "Once {n}", "author": "A", "year": "1899"},
        ("author", "Another author"),
        "SELECT count(*) FROM record WHERE search LIKE '%once {n}%'",
        {"title": ""},
    ),
    Made(
        "/c/books/import",
        {"table": "Title,Author\nOnce {n},A\nTwice {n},B", "seen": ""},
        ("table", "Title,Author\nOnce {n},A\nTwice {n},C"),
        "SELECT count(*) / 2 FROM record WHERE search LIKE '%ce {n}%'",
        {"table": "Title,Unknown\nx,y"},
        led_to="/c/books?done=imported",
    ),
    Made(
        "/announcements",
        {"title": "Once {n}", "text": "Two\r\nlines", "acknowledge": "yes"},
        ("text", "Three\nlines"),
        "SELECT count(*) FROM announcement WHERE title = 'Once {n}'",
        {"title": ""},
        led_to="/announcements?done=announced",
    ),
    Made(
        "/chat/new",
        {"name": "Once {n}", "description": "What for"},
        ("description", "What else for"),
        "SELECT count(*) FROM room WHERE name = 'Once {n}'",
        {"name": ""},
    ),
    Made(
        "/members",
        {"uses": "{n}", "days": "3", "role": "member"},
        ("days", "4"),
        "SELECT count(*) FROM invitation WHERE most_uses = {n}",
        {"uses": "0"},
        post="/members/links",
        led_to="/members?done=link-made",
    ),
    Made(
        "/members",
        {"email": "once{n}@example.org", "role": "member"},
        ("email", "Other{n}@example.org"),
        "SELECT count(*) FROM invitation WHERE email = 'once{n}@example.org'",
        {"email": "nobody"},
        post="/members/invitations",
        led_to="/members?done=invitation-sent",
    ),
    Made(
        "/account/tokens",
        {"name": "Once {n}", "scopes": "records:read", "ends": "30"},
        ("name", "Other {n}"),
        "SELECT count(*) FROM token WHERE name = 'Once {n}'",
        {"name": ""},
        led_to="/account/tokens?done=token-made",
    ),
    Made(
        "/settings/apps",
        {"name": "Once {n}", "role": "member", "scopes": "records:read"},
        ("name", "Other {n}"),
        "SELECT count(*) FROM member WHERE bot AND name = 'Once {n}'",
        {"name": ""},
        led_to="/settings/apps?done=app-made",
    ),
    Made(
        "/settings/webhooks",
        {"address": "https://hooks.invalid/{n}", "kinds": "record.*"},
        ("address", "https://hooks.invalid/other{n}"),
        "SELECT count(*) FROM webhook WHERE address LIKE '%/{n}'",
        {"address": "nowhere"},
        led_to="/settings/webhooks?done=webhook-made",
    ),
    Made(
        "/chat/general/incoming",
        {"name": "Once {n}"},
        ("name", "Other {n}"),
        "SELECT count(*) FROM member WHERE bot AND name = 'Once {n}'",
        {"name": ""},
        led_to="/chat/general/incoming?done=incoming-made",
    ),
    Made(
        "/collections/new",
        {"name": "Once {n}", "first": "Title"},
        ("name", "Other {n}"),
        "SELECT count(*) FROM collection WHERE name = 'Once {n}'",
        {"name": ""},
        named=True,
    ),
    Made(
        "/c/books/fields",
        {"label": "Once {n}", "kind": "text", "choices": "", "help": "Help", "default": ""},
        ("label", "Other {n}"),
        "SELECT count(*) FROM field WHERE label = 'Once {n}'",
        {"label": ""},
        led_to="/c/books/fields?done=field-added",
        named=True,
    ),
]
forms = pytest.mark.parametrize("made", MADE, ids=[made.address for made in MADE])
numbers = iter(range(100, 999))


class Filled:
    """A form of its own, filled in, as a client has it from its page."""

    def __init__(self, server: Server, client: httpx.AsyncClient, made: Made, key: str) -> None:
        self.server, self.client, self.made = server, client, made
        self.number = str(next(numbers))
        self.form = {name: value.replace("{n}", self.number) for name, value in made.filled.items()} | {"form-key": key}

    async def send(self, client: httpx.AsyncClient | None = None, **changes: str) -> httpx.Response:
        return await (client or self.client).post(self.made.address, data=self.form | changes)

    @property
    def change(self) -> dict[str, str]:
        name, text = self.made.changed
        return {name: text.replace("{n}", self.number)}

    def count(self) -> int:
        """How many of it there are, also with the change."""
        return int(self.server.store.rows(self.made.counted.replace("{n}", self.number))[0][0])


@pytest.fixture
def asked_server(shared_server: Server) -> Server:
    return shared_server


def keys_in(html: str) -> list[str]:
    return re.findall(r'name="form-key" value="([\w-]+)"', html)


async def fill_in(server: Server, client: httpx.AsyncClient, made: Made) -> Filled:
    """The form with the key that its page has. That of an import is on the page that says what it would do, too."""
    page = (await client.get(made.page)).text
    form = re.search(rf'<form[^>]*action="{made.address}[#"].*?</form>', page, re.DOTALL)
    assert form, page
    (key,) = keys_in(form[0])
    filled = Filled(server, client, made, key)
    if "table" in filled.form:
        looked_at = await client.post(made.address, data={"table": filled.form["table"], "form-key": key})
        assert keys_in(looked_at.text) == [key]
    return filled


SHOWN_ONCE = {
    "token": ("mut_", "token"),
    "webhook": ("whsec_", "webhook"),
    "apps": ("REVERB_APP_SECRET=", "app"),
    "/incoming": ('id="new-address"', "address"),
    "": ("/join?token=", "link"),
}


@forms
async def test_the_same_form_sent_twice_makes_one_and_leads_to_it(
    shared_server: Server, ana: httpx.AsyncClient, made: Made
) -> None:
    filled = await fill_in(shared_server, ana, made)
    first, again = await filled.send(), await filled.send()
    assert filled.count() == 1
    assert again.status_code == 303
    if first.status_code == 200:  # a link, or a token, is shown once
        shown, what = next(each for part, each in SHOWN_ONCE.items() if part in made.address)
        assert shown in first.text
        told = await ana.get(again.headers["location"])
        assert f"The {what} was already created" in told.text
        assert shown not in told.text
    else:
        assert first.status_code == 303
        assert again.headers["location"] == first.headers["location"]
    if made.led_to:
        assert again.headers["location"].partition("&about=")[0] == made.led_to
    assert (await ana.get(again.headers["location"])).status_code == 200


@forms
async def test_another_text_with_the_same_key_is_told_what_was_made_and_stays_on_the_page(
    shared_server: Server, ana: httpx.AsyncClient, made: Made
) -> None:
    filled = await fill_in(shared_server, ana, made)
    await filled.send()
    there = (await filled.send()).headers["location"]
    refused = await filled.send(**filled.change)
    assert (refused.status_code, filled.count()) == (409, 1)
    assert "This was already created" in refused.text
    assert f'href="{escape(there)}"' in refused.text
    typed = next(iter(filled.change.values()))
    assert typed in refused.text
    form = re.search(rf'<form[^>]*action="{made.address}[#"].*?</form>', refused.text, re.DOTALL)
    assert form
    (key,) = keys_in(form[0])
    assert key != filled.form["form-key"]
    made_then = await filled.send(**filled.change, **{"form-key": key})
    assert made_then.status_code in (200, 303), made_then.text  # it is wanted all the same


@forms
async def test_two_at_once_make_one(shared_server: Server, ana: httpx.AsyncClient, made: Made) -> None:
    filled = await fill_in(shared_server, ana, made)
    answers = await asyncio.gather(*(filled.send() for _ in range(3)))
    assert filled.count() == 1
    assert {answer.status_code for answer in answers} <= {200, 303}


@forms
async def test_a_refused_form_does_not_use_up_its_key(
    shared_server: Server, ana: httpx.AsyncClient, made: Made
) -> None:
    filled = await fill_in(shared_server, ana, made)
    refused = await filled.send(**made.wrong)
    assert (refused.status_code, filled.count()) == (422, 0)
    assert filled.form["form-key"] in keys_in(refused.text)
    assert (await filled.send()).status_code in (200, 303)
    assert filled.count() == 1


@forms
async def test_a_key_is_its_members_and_its_workspaces(
    shared_server: Server, ana: httpx.AsyncClient, bruno: httpx.AsyncClient, made: Made
) -> None:
    filled = await fill_in(shared_server, ana, made)
    await filled.send()
    assert (await filled.send(bruno)).status_code in ([422] if made.named else [200, 303])
    assert filled.count() == 1 + (not made.named)
    async with aclosing(shared_server.let_in("globex", "gil@globex.test")) as gil:
        assert (await filled.send(gil)).status_code in (200, 303)
    assert filled.count() == 2 + (not made.named)


@forms
async def test_a_form_without_a_key_makes_something_each_time(
    shared_server: Server, ana: httpx.AsyncClient, made: Made
) -> None:
    filled = Filled(shared_server, ana, made, "")
    assert (await filled.send()).status_code in (200, 303)
    assert (await filled.send()).status_code in ([422] if made.named else [200, 303])
    assert filled.count() == 1 + (not made.named)


async def test_a_table_of_which_lines_were_left_is_imported_once_too(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    title = f"Partly {next(numbers)}"
    form = {"table": f"#,Title\n5,Changed since\n,{title}", "seen": "5:0", "form-key": "partly"}
    report = await ana.post("/c/books/import", data=form)
    assert report.status_code == 409
    assert "partly" not in keys_in(report.text), "what was left is a table of its own"
    again = await ana.post("/c/books/import", data=form)
    assert (again.status_code, again.headers["location"]) == (303, "/c/books?done=imported-partly")
    assert shared_server.store.rows(f"SELECT count(*) FROM record WHERE search LIKE '{title.lower()}%'")[0][0] == 1
    assert "but not completely" in (await ana.get(again.headers["location"])).text


# Forms that make nothing: sent again, they find what they wanted done, or are refused by a version, a lock or a limit.
# What is posted with a message's own key (tests/chat/test_keys.py), or by people without a session, is not here either.
MAKES_NOTHING = {
    # They change, end or delete what there is, or note something of it.
    *("/account/name", "/account/time-zone", "/account/password", "/account/leave", "/account/picture/remove"),
    *(
        "/account/picture",
        "/settings",
        "/settings/security",
        "/settings/logo",
        "/settings/logo/remove",
        "/account/sessions/end-others",
    ),
    *("/account/sessions/{session_id:int}/end", "/c/{slug:str}/rename", "/c/{slug:str}/fields/{key:str}"),
    *("/c/{slug:str}/archive", "/c/{slug:str}/remove", "/c/{slug:str}/restore"),
    *("/c/{slug:str}/fields/{key:str}/" + verb for verb in ("restore", "kind", "fill")),
    *("/c/{slug:str}/columns", "/c/{slug:str}/pin", "/c/{slug:str}/bin/restore"),
    *("/c/{slug:str}/permissions", "/c/{slug:str}/guests", "/c/{slug:str}/guests/remove"),
    *("/members/{member_id:int}/" + verb for verb in ("role", "owner", "suspend", "restore", "remove")),
    *("/announcements/{announcement_id:int}/" + verb for verb in ("acknowledge", "withdraw")),
    *("/c/{slug:str}/delete", "/c/{slug:str}/{number:int}/delete", "/c/{slug:str}/{number:int}/restore"),
    *("/c/{slug:str}/new/draft", "/c/{slug:str}/new/draft/discard"),
    *("/notifications/" + verb for verb in ("read", "read-all", "mute", "mute-kind", "unmute", "preferences")),
    *("/follow/{subject:str}", "/unfollow/{subject:str}"),
    *("/chat/{slug:str}/" + verb for verb in ("read", "about", "notify", "join", "leave", "invite", "remove")),
    *("/chat/{slug:str}/" + verb for verb in ("archive", "draft", "draft/discard", "typing")),
    *("/chat/{slug:str}/messages/{number:int}/" + verb for verb in ("edit", "delete", "react")),
    *("/chat/{slug:str}/messages/{number:int}/" + verb for verb in ("pin", "save", "unread")),
    *("/discussion/{subject:str}/" + verb for verb in ("typing", "draft", "draft/discard")),
    *("/files/{file_id:int}/take-out", "/files/take-out", "/files/hold", "/c/{slug:str}/files/{key:str}"),
    "/c/{slug:str}/preview/{key:str}",
    "/c/{slug:str}/import/file",  # reads a file into the form
    *("/members/invitations/{invitation_id:int}/revoke", "/undo/{undo_id:int}"),
    # They say which version, lock or turn they are about.
    *("/c/{slug:str}/{number:int}/edit", "/c/{slug:str}/{number:int}/revisions/{version:int}/restore"),
    *("/c/{slug:str}/{number:int}/lock/" + verb for verb in ("renew", "release", "ask", "keep", "hand-over")),
    *("/c/{slug:str}/{number:int}/lock/take-over", "/c/{slug:str}/{number:int}/queue/stay"),
    *("/c/{slug:str}/{number:int}/queue/leave", "/c/{slug:str}/{number:int}/draft"),
    *("/c/{slug:str}/{number:int}/draft/restore", "/c/{slug:str}/{number:int}/draft/discard"),
    *("/account/tokens/{token_id:int}/end", "/settings/tokens/{token_id:int}/end"),
    *("/settings/apps/{app_id:int}", "/settings/apps/{app_id:int}/secret/drop", "/settings/apps/{app_id:int}/end"),
    *(f"/settings/apps/{{app_id:int}}/{what}" for what in ("webhook", "picture", "picture/remove", "deliveries/again")),
    "/incoming-addresses/{address_id:int}/end",
    "/settings/apps/{app_id:int}/secret",  # the one that is in use goes on
    # Each says what it is about, or is done again in a moment.
    *(
        f"/settings/webhooks/{{webhook_id:int}}/{what}"
        for what in ("secret", *("enable", "disable", "test", "again", "skip", "replay", "remove"))
    ),
    # The room of some people is one.
    "/chat/direct",
    # Each of them means another mail, and the mails to an address are counted.
    *("/members/invitations/{invitation_id:int}/resend", "/account/confirm-mail"),
    # A file that was brought twice is shown twice in the box, and can be taken out; it is sent with a message's key.
    *("/chat/{slug:str}/files", "/discussion/{subject:str}/files"),
}
WITH_MESSAGE_KEYS = {"/chat/{slug:str}", "/discussion/{subject:str}"}
WITHOUT_SESSION = {"/login", "/logout", "/enter", "/forgotten", "/password", "/join", "/confirm", "/unsubscribe"}


def list_posts() -> dict[str, str]:
    """The source of what answers posts, by its path."""
    return {
        route.path: inspect.getsource(route.route_handler_map["POST"][0].fn)
        for route in list_routes()
        if isinstance(route, HTTPRoute) and "POST" in route.methods
    }


def name_parameters(found: re.Match[str]) -> str:
    """The beginning of an address, as its route has it."""
    return f"/{found[1].partition('/')[0]}/{{slug:str}}"


def test_every_form_that_makes_something_makes_it_once() -> None:
    posts = list_posts()
    keyed = {path for path, source in posts.items() if "find_answer(" in source and "keep_answer(" in source}
    # A table is written in parts, each of which is marked with the form's key (`keep_end_of_part`).
    keyed |= {"/c/{slug:str}/import"}
    others = MAKES_NOTHING | WITH_MESSAGE_KEYS | WITHOUT_SESSION
    assert not keyed & others
    assert posts.keys() - keyed == others, "a new form either makes nothing, or finds and keeps its answer"
    tried = {re.sub(r"^/(c/books|chat/general)", name_parameters, made.address) for made in MADE}
    assert tried == keyed


@forms
def test_every_page_with_such_a_form_gives_it_a_key(made: Made) -> None:
    action = re.escape(
        made.address.replace("/c/books", "/c/{{ collection.slug }}").replace("/chat/general", "/chat/{{ room.slug }}")
    )
    given = []
    for path in (APP / "templates").rglob("*.html"):
        for form in re.findall(r"<form\b.*?</form>", path.read_text(), re.DOTALL):
            tag = re.sub(r"{% if record %}.*?{% else %}|{% endif %}|{% if editing %}.*?(?={% endif %})", "", form)
            if re.search(rf'method="post"[^>]*action="{action}["#]', tag):
                given.append("ui.once(" in form)
    assert given
    assert all(given)
