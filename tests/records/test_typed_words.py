"""What was typed and not saved can be read and copied, also where nobody can go on with it."""

from __future__ import annotations

import html
import re
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.conftest import PASSWORD, Server

WORDS = {"f1": "A title that was typed", "f7": "Two lines\r\nto be copied"}


def shown(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


async def type_over(client: httpx.AsyncClient, number: int) -> None:
    """Begin to edit a record, type into it, and leave it."""
    edit = (await client.get(f"/c/books/{number}/edit")).text
    token = re.findall(r'name="lock-token" value="([^"]+)"', edit)[0]
    author = re.findall(r'id="field-f2"[^>]* value="([^"]+)"', edit)[0]
    typed = {"version": "1", "lock-token": token, "f2": html.unescape(author), **WORDS}
    assert (await client.post(f"/c/books/{number}/lock/release", data=typed)).status_code == 303


CLOSED: dict[str, tuple[str, dict[str, Any]]] = {
    "archived": ("/c/books/archive", {"archived": "yes"}),
    "in the bin": ("/c/books/5/delete", {"version": "1"}),
    "not theirs any more": ("/c/books/permissions", {"member-browse": "yes", "member-read": "yes"}),
}


@pytest.mark.parametrize("closed", CLOSED)
async def test_what_was_typed_over_a_record_can_be_read_when_it_cant_be_edited(server: Server, closed: str) -> None:
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(server.let_in("acme", "carla@acme.test")) as carla,
    ):
        await type_over(carla, 5)
        path, form = CLOSED[closed]
        answer = await ana.post(path, data=form)
        assert answer.status_code == 303, answer.text
        assert 'href="/c/books/5/draft"' in shown(await carla.get("/c/books/5"))
        page = shown(await carla.get("/c/books/5/draft"))
        assert WORDS["f1"] in page
        assert "Two lines\nto be copied" in page.replace("\r\n", "\n")
        assert "<dt>Author</dt>" not in page, "what is saved anyway is not shown"
        assert (await ana.get("/c/books/5/draft")).headers["location"] == "/c/books/5", "it is another's"
        if closed != "in the bin":
            led = await carla.get("/c/books/5/edit")
            assert led.headers["location"] == "/c/books/5/draft"
            assert (await carla.get("/c/books/6/edit")).status_code == 403, "nothing was typed there"


async def test_what_was_typed_of_a_new_record_can_be_read_when_none_can_be_added(server: Server) -> None:
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(server.let_in("acme", "carla@acme.test")) as carla,
    ):
        assert (await carla.post("/c/books/new/draft", data={"draft-version": "0", **WORDS})).status_code == 204
        assert (await ana.post("/c/books/archive", data={"archived": "yes"})).status_code == 303
        led = await carla.get("/c/books/new")
        assert led.headers["location"] == "/c/books/new/draft"
        assert WORDS["f1"] in shown(await carla.get("/c/books/new/draft"))
        assert (await ana.get("/c/books/new")).status_code == 403
        assert (await ana.get("/c/books/new/draft")).headers["location"] == "/c/books"


GONE: dict[str, tuple[str, dict[str, Any], str, int]] = {
    "of an archived collection": ("/c/books/archive", {"archived": "yes"}, "/c/books/5/edit", 403),
    "of a deleted collection": ("/c/books/remove", {"password": PASSWORD}, "/c/books/5/edit", 404),
    "of a new record there": ("/c/books/remove", {"password": PASSWORD}, "/c/books/new", 404),
    "of a record that is gone": ("/c/books/7/delete", {"version": "1"}, "/c/books/4711/edit", 404),
}


@pytest.mark.parametrize("gone", GONE)
async def test_what_can_no_longer_be_saved_is_shown_by_the_names_of_fields_as_people_read_it(
    server: Server, gone: str
) -> None:
    path, form, saved_at, status = GONE[gone]
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(server.let_in("acme", "carla@acme.test")) as carla,
    ):
        added: dict[str, str] = {}
        for label, kind in {"Reader": "person", "Cover": "files", "Lent": "moment", "Sold": "yes_no"}.items():
            assert (await ana.post("/c/books/fields", data={"label": label, "kind": kind})).status_code == 303
            added[label] = re.findall(
                r'data-address="/c/books/fields/(f\d+)"', (await ana.get("/c/books/fields")).text
            )[-1]
        new = (await carla.get("/c/books/new")).text
        select, chosen = re.findall(
            r'<select id="field-(f\d+)"[^>]*>\s*<option value=""></option>(.*?)</select>', new, re.DOTALL
        )[0]
        choice, status_name = re.findall(r'<option value="(#\d+)"[^>]*>([^<]+)</option>', chosen)[-1]
        number = re.findall(r'name="for-member" value="(\d+)"', (await carla.get("/c/books/new")).text)[0]
        assert (await ana.post(path, data=form)).status_code == 303
        typed: dict[str, Any] = {
            "for-member": number,
            "version": "1",
            **WORDS,
            select: choice,
            added["Reader"]: f"#{number}",
            added["Cover"]: ["12 p dune.png", ""],
            f"file-{added['Cover']}": "not brought.png",
            added["Lent"]: ["2026-11-30T14:05", "@Europe/Lisbon"],
            added["Sold"]: "yes",
            "removed-fields": "f2",
        }
        answer = await carla.post(saved_at, data=typed)
        assert answer.status_code == status, answer.text
        assert "Back to what you typed" not in answer.text, "its page is not there any more"
        labels = re.findall(r'<label for="typed-\d+">([^<]*)</label>', answer.text)
        texts = [html.unescape(each) for each in re.findall(r"<textarea[^>]*>\n([^<]*)</textarea>", answer.text)]
        said = dict(zip(labels, texts, strict=True))
        assert said["Title"] == WORDS["f1"]
        assert said["Status"] == status_name
        assert said["Reader"] == "Carla"
        assert texts[labels.index("Cover")] == "dune.png", "and not what its input has"
        assert "not brought.png" in texts
        assert not {"@Europe/Lisbon", "f2"} & {*texts}, "nobody typed these"
        assert said["Sold"] == "Yes"


async def test_who_may_not_read_a_collection_learns_nothing_of_its_fields_by_a_form(server: Server) -> None:
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(server.let_in("acme", "carla@acme.test")) as carla,
    ):
        number = re.findall(r'name="for-member" value="(\d+)"', (await carla.get("/c/books/new")).text)[0]
        assert (await ana.post("/c/books/permissions", data={"viewer-read": "yes"})).status_code == 303
        answer = await carla.post("/c/books/5/edit", data={"for-member": number, **WORDS})
        assert answer.status_code == 404
        assert WORDS["f1"] in html.unescape(answer.text), "nothing is lost"
        assert "Title</label>" not in answer.text
