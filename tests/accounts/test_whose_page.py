"""A page is of the member it was made for: whoever is signed in with the same browser by then sends nothing from it.
What was typed into a form that comes to nothing is shown again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from html import unescape
from typing import Any

import httpx
import pytest

from tests.conftest import Server

CALL = {"x-page": "1"}
TEXT = "What Ana has typed,\nin two lines & <more>"
# Where text goes, and in which field: what a page posts for a person who presses a button, or by itself.
FORMS = {
    "/chat/general": "text",
    "/chat/general/draft": "text",
    "/chat/general/messages/1/edit": "text",
    "/chat/new": "description",
    "/discussion/record-1": "text",
    "/discussion/record-1/draft": "text",
    "/c/books/new": "title",
    "/c/books/new/draft": "title",
    "/c/books/1/edit": "title",
    "/c/books/1/draft": "title",
    "/c/books/1/lock/release": "title",
    "/c/books/import": "table",
    "/collections/new": "description",
    "/announcements": "text",
    "/account/name": "name",
    "/members/invitations": "email",
}


@pytest.fixture
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with (
        aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(shared_server.let_in("acme", "carla@acme.test")) as carla,
        aclosing(shared_server.client("acme")) as nobody,
    ):
        yield {"ana": ana, "carla": carla, "nobody": nobody}


async def number_of(client: httpx.AsyncClient) -> str:
    return re.findall(r'<body [^>]*data-member="(\d+)"', (await client.get("/")).text)[0]


def shown_again(answer: httpx.Response) -> list[str]:
    """The texts that a page gives back to be copied."""
    return [
        unescape(text) for text in re.findall(r"<textarea[^>]* readonly>\n(.*?)</textarea>", answer.text, re.DOTALL)
    ]


@pytest.mark.parametrize("path", ["/c/books/new/draft/discard", "/c/books/1/draft/discard", "/notifications/read-all"])
async def test_a_button_of_another_members_page_does_nothing(people: dict[str, httpx.AsyncClient], path: str) -> None:
    number = await number_of(people["ana"])
    for form, headers in (({"for-member": number}, {}), ({"until": "9"}, {"x-member": number})):
        answer = await people["carla"].post(path, data=form, headers=headers)
        assert answer.status_code == 401
        assert "Carla is now signed in on this browser." in answer.text


@pytest.mark.parametrize("path", ["/account/picture", "/settings/logo"])
async def test_a_file_of_another_members_page_is_not_stored(people: dict[str, httpx.AsyncClient], path: str) -> None:
    number = await number_of(people["carla"])
    page = await people["carla"].get("/account")
    assert f"/account/picture?for-member={number}" in page.text
    picture = {"picture": ("me.png", b"x", "image/png")}
    answer = await people["ana"].post(path, params={"for-member": number}, files=picture)
    assert answer.status_code == 401


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_of_another_members_page_is_refused_with_its_text(
    people: dict[str, httpx.AsyncClient], path: str
) -> None:
    ana, carla = people["ana"], people["carla"]
    form = {"for-member": await number_of(ana), FORMS[path]: TEXT, "key": "whose", "version": "1", "lock-token": "1"}
    answer = await carla.post(path, data=form)
    assert answer.status_code == 401
    assert "Carla is now signed in on this browser." in answer.text
    assert shown_again(answer) == [TEXT]
    called = await carla.post(path, data=form, headers=CALL)
    assert (called.status_code, called.headers["content-type"]) == (401, "text/plain; charset=utf-8")
    for page in ("/chat/general", "/c/books/new", "/c/books", "/announcements"):
        assert "What Ana has typed" not in (await carla.get(page)).text


@pytest.mark.parametrize("path", [path for path in FORMS if path not in ("/account/name", "/members/invitations")])
async def test_a_form_of_ones_own_page_is_taken(people: dict[str, httpx.AsyncClient], path: str) -> None:
    ana = people["ana"]
    answer = await ana.post(path, data={"for-member": await number_of(ana), FORMS[path]: "", "key": "", "name": ""})
    assert answer.status_code != 401


async def test_a_script_that_asks_for_another_member_gets_no_page(people: dict[str, httpx.AsyncClient]) -> None:
    whose = await number_of(people["ana"])
    for path in ("/", "/chat/general", "/c/books/1", "/quick-switcher?q=a"):
        assert (await people["carla"].get(path, headers={"x-member": whose})).status_code == 401
        assert (await people["ana"].get(path, headers={"x-member": whose})).status_code == 200
    for path in ("/chat/general/read", "/notifications/read", "/c/books/1/lock/renew", "/c/books/1/queue/stay"):
        answer = await people["carla"].post(path, data={"number": "1"}, headers=CALL | {"x-member": whose})
        assert answer.status_code == 401


async def test_what_was_typed_is_shown_when_the_session_is_over(people: dict[str, httpx.AsyncClient]) -> None:
    nobody = people["nobody"]
    form = {"for-member": await number_of(people["ana"]), "text": TEXT, "key": "whose"}
    answer = await nobody.post("/chat/general", data=form)
    assert (answer.status_code, shown_again(answer)) == (401, [TEXT])
    assert "Sign in again, then send it." in answer.text
    with_scripts = await nobody.post("/chat/general", data=form, headers={"hx-request": "true"})
    assert (with_scripts.status_code, with_scripts.headers["location"]) == (303, "/login")


async def test_a_message_that_a_room_does_not_take_is_shown_with_the_reason(
    people: dict[str, httpx.AsyncClient],
) -> None:
    ana, carla = people["ana"], people["carla"]
    form: dict[str, Any] = {"for-member": await number_of(carla), "text": TEXT, "key": "refused", "reply": ""}
    rooms = {
        name: (await ana.post("/chat/new", data={"name": name, **more})).headers["location"]
        for name, more in (("Over", {}), ("Closed", {"private": "yes"}))
    }
    said = await carla.post(rooms["Over"], data=form | {"text": "In time", "key": "in time"}, headers=CALL)
    await ana.post(f"{rooms['Over']}/archive", data={"archived": "yes"})
    for path in (rooms["Over"], f"{rooms['Over']}/messages/{said.json()['number']}/edit"):
        answer = await carla.post(path, data=form)
        assert (answer.status_code, shown_again(answer)) == (403, [TEXT])
        assert "This room is archived: you can read it, but not write in it." in answer.text
    for path in (rooms["Closed"], "/chat/never-was", "/discussion/record-9999", "/chat/general/messages/9999/edit"):
        answer = await carla.post(path, data=form)
        assert (answer.status_code, shown_again(answer)) == (404, [TEXT])
        assert "Page not found" in answer.text
    secret = await carla.post("/account/password", data=form | {"password": "a secret", "text": ""})
    assert "a secret" not in secret.text


async def test_every_answer_says_that_it_is_ours(people: dict[str, httpx.AsyncClient]) -> None:
    ana, nobody = people["ana"], people["nobody"]
    answers = [
        await ana.post("/chat/general/typing", headers=CALL),
        await ana.post("/chat/general", data={"text": "", "key": "empty"}, headers=CALL),
        await ana.post("/chat/nowhere", data={"text": "a", "key": "nowhere"}, headers=CALL),
        await nobody.post("/chat/general", data={"text": "a", "key": "nobody"}, headers=CALL),
        await nobody.post("/chat/general", headers=CALL | {"sec-fetch-site": "cross-site"}),
        await ana.get("/"),
        await nobody.get("/"),
        await ana.get("/nowhere"),
        await ana.get("/static/app.css"),
    ]
    assert [answer.status_code for answer in answers] == [204, 422, 404, 401, 403, 200, 303, 404, 200]
    assert {answer.headers.get("x-page") for answer in answers} == {"1"}
