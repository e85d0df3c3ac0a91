"""What several people may change: who saves over what somebody else has saved since sees both sides first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

import httpx

from tests.conftest import Server
from tests.sent_forms import read_form


@dataclass(frozen=True)
class Changed:
    """A form, where it is sent to, what somebody else saves in it meanwhile, what is typed, and what both sides read
    as. `done` is where it leads when it is saved."""

    page: str
    action: str
    theirs: dict[str, str]
    mine: dict[str, str]
    shown: tuple[tuple[str, str, str], ...]
    done: str


EDITING = "Browse, Read, Add, Edit (all records)"
# What stands beside what: the label, what was typed, what is saved.
BESIDE = r'<tr><th scope="row"[^>]*>(.*?)</th><td class="lines">(.*?)</td><td class="lines">(.*?)</td></tr>'
CHANGED = [
    Changed(
        "/c/books/fields",
        "/c/books/rename",
        {"collection_name": "Volumes", "icon": "book", "color": "blue"},
        {"collection_name": "Tomes", "description": "All <ours>"},
        (("Name", "Tomes", "Volumes"),),
        "/c/books/fields?done=renamed",
    ),
    Changed(
        "/c/books/permissions",
        "/c/books/permissions",
        {"viewer-browse": "-", "guest-add": "yes", "member-delete": "none"},
        {"member-delete": "own", "guest-edit": "own"},
        (("Member", f"{EDITING}, Delete (their own)", EDITING),),
        "/c/books/permissions?done=permissions",
    ),
    Changed(
        "/settings",
        "/settings",
        {"name": "Acme & Daughters", "locale": "de_DE"},
        {"name": "Acme & Sons", "color": "violet"},
        (("Name", "Acme & Sons", "Acme & Daughters"),),
        "/settings?done=settings",
    ),
    Changed(
        "/settings/security",
        "/settings/security",
        {"session_days": "1"},
        {"session_days": "90"},
        (("How long people stay signed in", "90 days", "1 day"),),
        "/settings/security?done=settings",
    ),
    Changed(
        "/chat/general/about",
        "/chat/general/about",
        {"name": "Everything", "description": "All of us"},
        {"description": "For all"},
        (("Description", "For all", "All of us"),),
        "/chat/general/about?done=room-saved",
    ),
    Changed(
        "/members/{davi}",
        "/members/{davi}/role",
        {"role": "viewer"},
        {"role": "guest"},
        (("Role", "Guest", "Viewer"),),
        "/members/{davi}?done=role-guest&about={davi}",
    ),
    Changed(
        "/settings/apps/{app}",
        "/settings/apps/{app}",
        {"origins": "https://a.test"},
        {"origins": "https://b.test", "client_events": "-"},
        (("Pages that may connect", "https://b.test", "https://a.test"),),
        "/settings/apps/{app}?done=app-changed",
    ),
    Changed(
        "/settings/apps/{app}",
        "/settings/apps/{app}/webhook",
        {"address": "https://8.8.8.8/a", "kinds": "presence"},
        {"address": "https://8.8.8.8/b", "kinds": "cache_misses"},
        (
            ("Address", "https://8.8.8.8/b", "https://8.8.8.8/a"),
            ("Events", "Cache misses", "People join or leave presence channels"),
        ),
        "/settings/apps/{app}?done=app-changed",
    ),
]

# A form, what somebody saves in it, and what somebody else saves from a page of before: both stay.
APART = [
    ("/settings", "/settings", {"name": "Renamed"}, {"color": "violet"}),
    ("/c/books/fields", "/c/books/rename", {"collection_name": "Volumes"}, {"description": "Ours", "color": "blue"}),
    ("/c/books/permissions", "/c/books/permissions", {"viewer-browse": "-"}, {"guest-add": "yes"}),
    ("/c/books/permissions", "/c/books/permissions", {"viewer-browse": "yes"}, {"guest-add": "-"}),
    ("/chat/general/about", "/chat/general/about", {"name": "Everything"}, {"description": "For all"}),
]


async def ask_for_form(client: httpx.AsyncClient, page: str, action: str) -> dict[str, str]:
    """What a form of a page sends as it stands."""
    return read_form((await client.get(page)).text, action)


def fill_in(form: dict[str, str], typed: dict[str, str]) -> dict[str, str]:
    """A form with what was typed; '-' takes a tick out."""
    return {name: value for name, value in {**form, **typed}.items() if value != "-"}


async def test_who_saves_over_what_somebody_else_has_saved_sees_both_and_loses_nothing(
    server: Server, ana: httpx.AsyncClient, bruno: httpx.AsyncClient
) -> None:
    assert (
        await ana.post("/settings/apps", data={"name": "Front", "role": "member", "client_events": "yes"})
    ).is_success
    ids = {
        "davi": server.store.rows("SELECT id FROM member WHERE email = 'davi@acme.test'")[0][0],
        "app": server.store.rows("SELECT id FROM gateway_app")[0][0],
    }
    for each in CHANGED:
        page, action, done = (text.format(**ids) for text in (each.page, each.action, each.done))
        form = await ask_for_form(ana, page, action)
        saved = await bruno.post(action, data=fill_in(await ask_for_form(bruno, page, action), each.theirs))
        assert saved.status_code == 303, (page, saved.text)
        typed = fill_in(form, each.mine)
        told = await ana.post(action, data=typed)
        assert told.status_code == 409, page
        assert "This has been changed since you opened it. Nothing has been saved yet." in told.text
        shown = [tuple(map(unescape, row)) for row in re.findall(BESIDE, told.text)]
        assert shown == list(each.shown), page
        part = "Role" if page.endswith("permissions") else "Field"
        assert f'<th scope="col" class="whole-line">{part}</th>' in told.text, page
        again = read_form(told.text, action)
        both = fill_in(fill_in(form, each.theirs), each.mine)
        assert {**again, "seen-state": ""} == {**both, "seen-state": ""}, "all that was typed, and what else is saved"
        kept = await ana.post(action, data=again)
        assert (kept.status_code, kept.headers.get("location")) == (303, done), (page, kept.text)
        assert {**await ask_for_form(ana, page, action), "seen-state": ""} == {**again, "seen-state": ""}


async def test_what_was_not_touched_on_a_page_stays_as_somebody_else_has_saved_it(
    ana: httpx.AsyncClient, bruno: httpx.AsyncClient
) -> None:
    for page, action, theirs, mine in APART:
        form = await ask_for_form(ana, page, action)
        saved = await bruno.post(action, data=fill_in(await ask_for_form(bruno, page, action), theirs))
        assert saved.status_code == 303, (page, saved.text)
        kept = await ana.post(action, data=fill_in(form, mine))
        assert kept.status_code == 303, (page, "there is nothing to ask")
        both = fill_in(fill_in(form, theirs), mine)
        assert {**await ask_for_form(ana, page, action), "seen-state": ""} == {**both, "seen-state": ""}, page


async def test_of_a_page_that_does_not_say_what_it_had_both_sides_are_shown(
    ana: httpx.AsyncClient, bruno: httpx.AsyncClient
) -> None:
    form = await ask_for_form(ana, "/settings", "/settings")
    theirs = {**await ask_for_form(bruno, "/settings", "/settings"), "name": "Renamed"}
    assert (await bruno.post("/settings", data=theirs)).status_code == 303
    told = await ana.post("/settings", data={**form, "color": "violet", "seen-state": "0123456789abcdef"})
    assert told.status_code == 409
    shown = [tuple(map(unescape, row)) for row in re.findall(BESIDE, told.text)]
    assert shown == [("Name", "Biblioteca Acme", "Renamed"), ("Color", "Violet", "Green")]


async def test_who_saves_what_is_saved_anyway_has_nothing_to_decide(
    ana: httpx.AsyncClient, bruno: httpx.AsyncClient
) -> None:
    about = "/c/books/rename"
    forms = [{**await ask_for_form(each, "/c/books/fields", about), "description": "Ours"} for each in (ana, bruno)]
    for client, form in ((ana, forms[0]), (bruno, forms[1]), (ana, forms[0])):
        assert (await client.post(about, data=form)).status_code == 303, "also where it is sent again"
    mine = await ask_for_form(ana, "/c/books/fields", about)
    added = await bruno.post("/c/books/fields", data={"label": "Shelf", "kind": "text"})
    assert added.status_code == 303
    changed = await ana.post(about, data={**mine, "description": "Mine"})
    assert changed.status_code == 303, "a field is nothing that this form has"


async def test_what_is_wrong_is_said_first_with_what_is_saved_by_now(
    ana: httpx.AsyncClient, bruno: httpx.AsyncClient
) -> None:
    about = "/c/books/rename"
    mine = {**await ask_for_form(ana, "/c/books/fields", about), "collection_name": " "}
    await bruno.post(about, data={**await ask_for_form(bruno, "/c/books/fields", about), "description": "Theirs"})
    wrong = await ana.post(about, data=mine)
    assert wrong.status_code == 422
    corrected = {**read_form(wrong.text, about), "collection_name": "Mine", "description": "Mine"}
    assert read_form(wrong.text, about)["description"] == "Theirs"
    assert (await ana.post(about, data=corrected)).status_code == 303, "the page has shown what is saved"


async def test_a_page_of_before_saves_as_it_did(ana: httpx.AsyncClient) -> None:
    assert (await ana.post("/c/books/rename", data={"collection_name": "Volumes"})).status_code == 303


WRONG = [
    ("/c/books/fields", "/c/books/rename", {"collection_name": " "}),
    ("/settings", "/settings", {"name": " "}),
    ("/settings/security", "/settings/security", {"session_days": "0"}),
    ("/chat/general/about", "/chat/general/about", {"name": " "}),
    ("/members/{davi}", "/members/{davi}/role", {"role": "king"}),
    ("/settings/apps/{app}", "/settings/apps/{app}", {"origins": "ftp://a.test"}),
    ("/settings/apps/{app}", "/settings/apps/{app}/webhook", {"address": "nowhere", "kinds": "presence"}),
]


async def test_a_page_of_before_that_was_refused_is_mended_and_saves(
    server: Server, ana: httpx.AsyncClient, bruno: httpx.AsyncClient
) -> None:
    assert (await ana.post("/settings/apps", data={"name": "Front", "role": "member"})).is_success
    ids = {
        "davi": server.store.rows("SELECT id FROM member WHERE email = 'davi@acme.test'")[0][0],
        "app": server.store.rows("SELECT id FROM gateway_app")[0][0],
    }
    for *addresses, wrong in WRONG:
        page, action = (each.format(**ids) for each in addresses)
        form = await ask_for_form(ana, page, action)
        for unmarked in ({}, {"seen-state": ""}):
            before = {name: value for name, value in form.items() if name != "seen-state"} | unmarked
            refused = await ana.post(action, data={**before, **wrong})
            assert refused.status_code in (200, 422), (page, refused.status_code)
            again = read_form(refused.text, action)
            assert again["seen-state"] == form["seen-state"], page
        mended = {**again, **{name: value for name, value in form.items() if name in wrong}}
        if action.endswith("webhook"):
            mended["address"] = "https://8.8.8.8/a"
        assert (await ana.post(action, data=mended)).status_code == 303, page


async def test_a_page_of_before_that_was_refused_has_the_mark_of_what_was_saved_then(
    ana: httpx.AsyncClient, bruno: httpx.AsyncClient
) -> None:
    about = "/c/books/rename"
    refused = await ana.post(about, data={"collection_name": " "})
    saved = await bruno.post(
        about, data={**await ask_for_form(bruno, "/c/books/fields", about), "description": "Theirs"}
    )
    assert saved.status_code == 303
    again = read_form(refused.text, about)
    assert (await ana.post(about, data={**again, "collection_name": "Mine"})).status_code == 303
    now = await ask_for_form(ana, "/c/books/fields", about)
    assert (now["collection_name"], now["description"]) == ("Mine", "Theirs"), "what was not touched is as it was saved"
    hers = {**again, "collection_name": "Mine", "description": "Hers"}
    assert (await ana.post(about, data=hers)).status_code == 409
