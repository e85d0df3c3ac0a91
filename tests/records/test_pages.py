"""The pages of records and collections: bad input, changes that cross, roles, and the bin."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

import httpx
import pytest

from app.records.field_keys import RESERVED_KEYS
from tests.conftest import Server


@dataclass
class People:
    """Those who are signed in to acme, and the refs of the fields of their things."""

    ana: httpx.AsyncClient
    carla: httpx.AsyncClient
    stranger: httpx.AsyncClient
    refs: dict[str, str]


@pytest.fixture(scope="module")
async def people(shared_server: Server) -> AsyncIterator[People]:
    """An owner, a member, and somebody who is not signed in; and a collection with a field of each kind."""
    async with AsyncExitStack() as stack:
        ana, carla = [
            await stack.enter_async_context(aclosing(shared_server.let_in("acme", email)))
            for email in ("ana@acme.test", "carla@acme.test")
        ]
        stranger = await stack.enter_async_context(shared_server.client("acme"))
        made = await ana.post("/collections/new", data={"name": "Things", "first": "Name"})
        assert made.headers["location"] == "/c/things/fields?done=collection"
        for label, kind, more in (
            ("Weight", "decimal", {}),
            ("Count", "whole_number", {}),
            ("Bought", "date", {}),
            ("Mail", "email", {}),
            ("Site", "link", {}),
            ("Colour", "choice", {"choices": "red\r\ngreen"}),
            ("Broken", "yes_no", {}),
            ("Serial", "text", {"unique": "yes"}),
            ("Story", "long_text", {}),
        ):
            answer = await ana.post("/c/things/fields", data={"label": label, "kind": kind, **more})
            assert answer.status_code == 303, answer.text
        form = (await ana.get("/c/things/new")).text
        refs = {label.lower(): ref for ref, label in re.findall(r'<label for="field-(f\d+)">(\w+)', form)}
        yield People(ana, carla, stranger, refs)


def error_of(answer: httpx.Response, name: str) -> str:
    """What stands beside a field."""
    found = re.search(rf'id="error-{name}">(.*?)</p>', answer.text, re.DOTALL)
    assert found, f"no error beside {name}"
    return html.unescape(found[1])


async def add(client: httpx.AsyncClient, **typed: str) -> str:
    """Add a thing, and return its address."""
    answer = await client.post("/c/things/new", data=typed)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


BAD_VALUES = [
    ("name", " ", "This can't be empty."),
    ("name", "x" * 501, "At most 500 characters; this has 501."),
    ("weight", "heavy <b>", "Enter a number"),
    ("count", "1.5", "Enter a whole number"),
    ("count", "9" * 16, "At most 15 digits."),
    ("bought", "2026-02-30", "There is no such date."),
    ("mail", "nobody", "This does not look like an email address."),
    ("site", "javascript:alert(1)", "Enter an address that starts with https://"),
    ("colour", "blue", "There is no choice “blue” here."),
    ("colour", "#99", "Choose one from the list."),
    ("serial", "taken", "already has this value."),
    ("story", "x" * 20_001, "At most 20,000 characters; this has 20,001."),
]


@pytest.mark.parametrize(("name", "value", "reason"), BAD_VALUES)
async def test_a_value_that_will_not_do_is_refused_beside_its_field_with_all_that_was_typed(
    people: People, name: str, value: str, reason: str
) -> None:
    search = await people.carla.get("/c/things?q=taken")
    if 'data-number="' not in search.text:
        await add(people.carla, name="The first", serial="taken")
    address = await add(people.carla, name="A thing")
    typed = {"name": "Typed & kept", "story": "Two\r\nlines", name: value}
    for path, more in (("/c/things/new", {}), (f"{address}/edit", {"version": "1"})):
        answer = await people.carla.post(path, data={**typed, **more})
        assert answer.status_code == 422
        assert reason in error_of(answer, people.refs[name])
        for kept in typed.values():
            assert kept.replace("\r\n", "\n") in html.unescape(answer.text).replace("\r\n", "\n")
        assert "javascript:alert(1)" not in re.findall(r'href="([^"]*)"', answer.text)
    shown = await people.carla.get(address)
    assert "Typed" not in shown.text


async def test_a_record_is_added_shown_changed_and_has_its_history(people: People) -> None:
    address = await add(people.ana, name="A <lamp>", weight="1.50", broken="yes")
    shown = await people.carla.get(address)
    assert "A &lt;lamp&gt;" in shown.text
    assert ">1.5<" in shown.text
    form = await people.carla.get(f"{address}/edit")
    assert 'name="version" value="1"' in form.text
    lock = re.search(r'name="lock-token" value="(\d+-[0-9a-f]{32})"', form.text)
    assert lock
    changed = await people.carla.post(
        f"{address}/edit", data={"name": "A torch", "version": "1", "lock-token": lock[1]}
    )
    assert (changed.status_code, changed.headers["location"]) == (303, f"{address}?done=saved")
    history = (await people.ana.get(address)).text
    assert "<del>A &lt;lamp&gt;</del>" in history
    assert "<ins>A torch</ins>" in history
    assert "Carla" in history


async def test_saving_nothing_new_makes_no_revision(people: People) -> None:
    address = await add(people.ana, name="The same")
    answer = await people.ana.post(f"{address}/edit", data={"name": " The  same ", "version": "1"})
    assert answer.headers["location"] == f"{address}?done=unchanged"
    assert 'data-version="1"' in (await people.ana.get(address)).text


async def test_a_form_that_is_sent_again_leads_to_what_it_has_saved(people: People) -> None:
    address = await add(people.ana, name="Sent once", weight="4")
    sent = {"name": " Sent  twice", "weight": "5.0", "version": "1"}
    for _ in range(2):
        answer = await people.ana.post(f"{address}/edit", data=sent)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{address}?done=saved")
    assert 'data-version="2"' in (await people.ana.get(address)).text
    other = await people.carla.post(f"{address}/edit", data={**sent, "name": "Carla's", "version": "2"})
    assert other.status_code == 303
    again = await people.ana.post(f"{address}/edit", data=sent)
    assert (again.status_code, again.headers["location"]) == (303, f"{address}?done=saved")
    assert "Carla&#39;s" in (await people.ana.get(address)).text
    opened = await people.ana.get(f"{address}/edit")
    assert 'value="Carla&#39;s"' in opened.text
    assert 'class="compare"' not in opened.text, "nothing is kept as a draft"


async def test_a_revision_that_is_restored_twice_is_restored(people: People) -> None:
    address = await add(people.ana, name="Old")
    await people.ana.post(f"{address}/edit", data={"name": "New", "version": "1"})
    for _ in range(2):
        answer = await people.ana.post(f"{address}/revisions/1/restore", data={"version": "2"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{address}?done=reverted")
    assert 'data-version="3"' in (await people.ana.get(address)).text


async def test_who_types_what_somebody_else_has_saved_has_nothing_to_choose(people: People) -> None:
    address = await add(people.ana, name="Before")
    for client, done in ((people.ana, "saved"), (people.carla, "unchanged")):
        saved = await client.post(f"{address}/edit", data={"name": "After", "version": "1"})
        assert (saved.status_code, saved.headers["location"]) == (303, f"{address}?done={done}")


async def test_who_has_changed_it_on_another_page_is_not_told_of_as_somebody_else(people: People) -> None:
    address = await add(people.ana, name="One")
    await people.ana.post(f"{address}/edit", data={"name": "Two", "version": "1"})
    answer = await people.ana.post(f"{address}/edit", data={"name": "Three", "version": "1"})
    assert answer.status_code == 409
    assert "You changed this somewhere else" in answer.text
    assert "Choose for each difference" in answer.text


async def test_a_change_over_an_old_version_shows_both_and_loses_nothing(people: People) -> None:
    address = await add(people.ana, name="Chair", weight="4", colour="red")
    first = await people.ana.post(f"{address}/edit", data={"name": "Red chair", "weight": "4", "version": "1"})
    assert first.status_code == 303
    mine = {"name": "Blue <chair>", "weight": "4", "story": "What I typed\nfor an hour", "version": "1"}
    answer = await people.carla.post(f"{address}/edit", data=mine)
    assert answer.status_code == 409
    assert "Nothing was saved." in answer.text
    assert "Ana" in answer.text
    choices = re.findall(r'<input type="radio" name="(\w+)" value="([^"]*)"( checked)?>', answer.text)
    name, story, weight = (people.refs[label] for label in ("name", "story", "weight"))
    assert (name, "Blue &lt;chair&gt;", " checked") in choices
    assert (name, "Red chair", "") in choices
    assert (story, "What I typed\nfor an hour", " checked") in choices
    assert weight not in {ref for ref, _, _ in choices}
    assert f'<input type="hidden" name="{weight}" value="4">' in answer.text
    assert '<input type="hidden" name="version" value="2">' in answer.text
    shown = await people.carla.get(address)
    assert "Red chair" in shown.text
    assert "What I typed" not in shown.text

    saved = await people.carla.post(f"{address}/edit", data={**mine, "version": "2"})
    assert saved.status_code == 303
    assert "What I typed" in (await people.ana.get(address)).text


@pytest.mark.parametrize("version", ["", "0", "-1", "2", "x", "9" * 30, "\u00b2"])
async def test_a_version_without_sense_is_an_old_one(people: People, version: str) -> None:
    address = await add(people.ana, name="Table")
    for action in ("edit", "delete"):
        answer = await people.carla.post(f"{address}/{action}", data={"name": "Typed", "version": version})
        assert answer.status_code == 409
    assert 'data-version="1"' in (await people.ana.get(address)).text


async def test_what_was_typed_over_a_deleted_record_is_still_shown(people: People) -> None:
    address = await add(people.ana, name="Vase")
    assert (await people.ana.post(f"{address}/delete", data={"version": "1"})).status_code == 303
    answer = await people.carla.post(f"{address}/edit", data={"name": "Old vase", "version": "1"})
    assert answer.status_code == 409
    assert "Old vase" in answer.text
    assert (await people.carla.get(f"{address}/edit")).status_code == 404


async def test_a_deleted_record_is_in_the_bin_until_it_is_restored(people: People) -> None:
    address = await add(people.ana, name="Umbrella")
    deleted = await people.carla.post(f"{address}/delete", data={"version": "1"})
    assert re.fullmatch(rf"{address}\?undo=\d+", deleted.headers["location"])
    assert "Deleted by" in (await people.ana.get(address)).text
    assert "Umbrella" in (await people.ana.get("/c/things/bin")).text
    assert "Umbrella" not in (await people.ana.get("/c/things?q=umbrella")).text.split("<tbody")[1]
    again = await people.carla.post(f"{address}/delete", data={"version": "1"})
    assert again.headers["location"] == address, "its answer may have been lost"

    old = await people.carla.post(f"{address}/restore", data={"version": "1"})
    assert old.status_code == 409
    restored = await people.carla.post(f"{address}/restore", data={"version": "2"})
    assert restored.headers["location"] == f"{address}?done=restored"
    assert "Umbrella" not in (await people.ana.get("/c/things/bin")).text
    again = await people.carla.post(f"{address}/restore", data={"version": "2"})
    assert again.headers["location"] == restored.headers["location"], "its answer may have been lost"
    assert (await people.carla.post("/c/things/9999/restore", data={"version": "2"})).status_code == 404


async def test_a_record_whose_unique_value_was_given_away_stays_in_the_bin_and_says_why(people: People) -> None:
    address = await add(people.ana, name="Old", serial="A-1")
    await people.ana.post(f"{address}/delete", data={"version": "1"})
    await add(people.ana, name="New", serial="a-1")
    answer = await people.carla.post(f"{address}/restore", data={"version": "2"})
    assert answer.status_code == 422
    assert "already has this value." in answer.text


async def test_an_old_revision_can_be_the_newest_again(people: People) -> None:
    address = await add(people.ana, name="First name")
    await people.ana.post(f"{address}/edit", data={"name": "Second name", "version": "1"})
    stale = await people.carla.post(f"{address}/revisions/1/restore", data={"version": "1"})
    assert stale.status_code == 409
    assert "First name" in stale.text
    done = await people.carla.post(f"{address}/revisions/1/restore", data={"version": "2"})
    assert (done.status_code, done.headers["location"]) == (303, f"{address}?done=reverted")
    shown = await people.ana.get(address)
    assert ">First name</h1>" in shown.text
    assert "restored an earlier version" in shown.text
    assert (await people.carla.post(f"{address}/revisions/9/restore", data={"version": "3"})).status_code == 404


async def test_a_revision_with_values_that_will_not_do_any_more_opens_the_form(people: People) -> None:
    address = await add(people.ana, name="Holder", serial="B-1")
    await people.ana.post(f"{address}/edit", data={"name": "Holder", "serial": "B-2", "version": "1"})
    await add(people.ana, name="Taker", serial="B-1")
    answer = await people.ana.post(f"{address}/revisions/1/restore", data={"version": "2"})
    assert answer.status_code == 422
    assert "already has this value." in error_of(answer, people.refs["serial"])
    assert 'name="version" value="2"' in answer.text


async def test_lists_search_and_sort_by_their_address(people: People) -> None:
    page = (await people.carla.get("/c/books?q=machado+de+ASSIS&sort=title")).text
    titles = re.findall(r'<a id="[^"]+" href="/c/books/\d+">([^<]+)</a>', page.split("<tbody")[1])
    assert titles == ["Dom Casmurro", "Memórias Póstumas de Brás Cubas", "Quincas Borba"]
    turned = (await people.carla.get("/c/books?q=machado+de+ASSIS&sort=-title")).text
    assert re.findall(r'<a id="[^"]+" href="/c/books/\d+">([^<]+)</a>', turned.split("<tbody")[1]) == titles[::-1]
    nothing = (await people.carla.get("/c/books", params={"q": '"><script>alert(1)</script>'})).text
    assert "<script>alert" not in nothing
    assert "Nothing found" in nothing


@pytest.mark.parametrize(
    "path",
    [
        "/c/nothing",
        "/c/nothing/new",
        "/c/nothing/bin",
        "/c/nothing/fields",
        "/c/nothing/1",
        "/c/books/9999",
        "/c/books/9999/edit",
        "/c/books/0",
        "/c/books/first",
        "/c/books/fields/nothing",
    ],
)
async def test_what_is_not_there_is_a_404(people: People, path: str) -> None:
    assert (await people.ana.get(path)).status_code == 404


ADMIN_PAGES = [
    ("GET", "/collections/new"),
    ("POST", "/collections/new"),
    ("GET", "/c/books/fields"),
    ("POST", "/c/books/fields"),
    ("POST", "/c/books/rename"),
    ("GET", "/c/books/fields/title"),
    ("POST", "/c/books/fields/title"),
]


async def show_fields(people: People) -> str:
    """The page of the fields without its key, which it has anew each time."""
    page = (await people.ana.get("/c/books/fields")).text.split('<main id="main"')[1].partition(">")[2]
    return re.sub(r'name="form-key" value="[^"]*"', "", page)


@pytest.mark.parametrize(("method", "path"), ADMIN_PAGES)
async def test_a_member_may_not_use_what_is_for_admins(people: People, method: str, path: str) -> None:
    before = await show_fields(people)
    typed = {"name": "Taken", "first": "Over", "label": "Taken", "kind": "text", "action": "remove"}
    answer = await people.carla.request(method, path, data=typed if method == "POST" else None)
    assert answer.status_code == 403
    assert "Only admins of this workspace can do this." in answer.text
    assert await show_fields(people) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *ADMIN_PAGES,
        ("GET", "/"),
        ("GET", "/c/books"),
        ("GET", "/c/books/new"),
        ("POST", "/c/books/new"),
        ("GET", "/c/books/1"),
        ("GET", "/c/books/1/edit"),
        ("POST", "/c/books/1/edit"),
        ("POST", "/c/books/1/delete"),
        ("POST", "/c/books/1/restore"),
        ("POST", "/c/books/1/revisions/1/restore"),
        ("GET", "/c/books/bin"),
        ("GET", "/c/nothing"),
    ],
)
async def test_without_a_session_every_page_leads_to_the_sign_in(people: People, method: str, path: str) -> None:
    answer = await people.stranger.request(method, path, data={"title": "x"} if method == "POST" else None)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")


@pytest.mark.parametrize(
    ("path", "typed", "name", "reason"),
    [
        ("/collections/new", {"name": "", "first": "Kept"}, "name", "This can't be empty."),
        ("/collections/new", {"name": "Kept", "first": ""}, "first", "This can't be empty."),
        (
            "/collections/new",
            {"name": "BOOKS", "first": "Kept"},
            "name",
            "There is already a collection with this name.",
        ),
        ("/collections/new", {"name": "x" * 61, "first": "Kept"}, "name", "At most 60 characters."),
        ("/c/things/fields", {"label": " ", "kind": "text", "help": "Kept"}, "label", "This can't be empty."),
        ("/c/things/fields", {"label": "SERIAL", "kind": "text"}, "label", "There is already a field with this name."),
        ("/c/things/fields", {"label": "Kept", "kind": "colour"}, "kind", "Choose one of these: text, long_text"),
        ("/c/things/fields", {"label": "Kept", "kind": "choice"}, "choices", "Enter one choice per line."),
        ("/c/things/fields", {"label": "Kept", "kind": "date", "default": "soon"}, "default", "Enter a date"),
        ("/c/things/fields", {"label": "Kept", "kind": "yes_no", "unique": "yes"}, "unique", "can't be unique."),
        (
            "/c/things/fields/name",
            {"label": "Weight", "choices": ""},
            "label",
            "There is already a field with this name",
        ),
        ("/c/things/fields/colour", {"label": "Kept", "choices": " "}, "choices", "Enter one choice per line."),
    ],
)
async def test_what_can_not_be_a_collection_or_field_is_refused_with_what_was_typed(
    people: People, path: str, typed: dict[str, str], name: str, reason: str
) -> None:
    answer = await people.ana.post(path, data=typed)
    assert answer.status_code == 422
    assert reason in error_of(answer, name)
    for kept in (typed.get("label", ""), typed.get("help", ""), typed.get("default", ""), typed.get("first", "")):
        assert not kept.strip() or f'value="{kept}"' in answer.text


async def test_a_collection_is_made_renamed_and_its_fields_are_changed(people: People) -> None:
    made = await people.ana.post("/collections/new", data={"name": "Café Tools", "first": "Name"})
    assert made.headers["location"] == "/c/cafe-tools/fields?done=collection"
    for label in ("Size", "Place"):
        await people.ana.post("/c/cafe-tools/fields", data={"label": label, "kind": "text"})
    await people.carla.post("/c/cafe-tools/new", data={"name": "Hammer", "size": "big", "place": "shed"})
    empty = await people.ana.post("/c/cafe-tools/rename", data={"collection_name": " "})
    assert empty.status_code == 422
    await people.ana.post("/c/cafe-tools/rename", data={"collection_name": "Kitchen & shed"})
    await people.ana.post("/c/cafe-tools/fields/place", data={"action": "up"})
    changed = await people.ana.post("/c/cafe-tools/fields/size", data={"label": "How large"})
    assert changed.headers["location"] == "/c/cafe-tools/fields?done=field"
    page = (await people.carla.get("/c/cafe-tools")).text
    assert "Kitchen &amp; shed" in page
    assert page.index(">Place<") < page.index(">How large<")
    assert "big" in page
    await people.ana.post("/c/cafe-tools/fields/size", data={"action": "remove"})
    assert "How large" not in (await people.carla.get("/c/cafe-tools")).text
    await people.ana.post("/c/cafe-tools/fields/place", data={"action": "remove"})
    last = await people.ana.post("/c/cafe-tools/fields/name", data={"action": "remove"})
    assert last.status_code == 422
    assert "A collection needs at least one field." in last.text


async def test_a_field_can_not_become_unique_while_two_records_have_the_same_value(people: People) -> None:
    for mail in ("twin@example.test", "one@example.test", "Twin@example.test", "triplet@example.test"):
        await add(people.ana, name="Born", mail=mail)
    for mail in ("triplet@example.test", "triplet@example.test", "", ""):
        await add(people.ana, name="Born", mail=mail)
    answer = await people.ana.post("/c/things/fields/mail", data={"label": "Mail", "unique": "yes"})
    assert answer.status_code == 422
    assert "2 values are in several records, such as record " in error_of(answer, "unique")


OWN_NAMES = (
    "Lock",
    "Late",
    "Left",
    "Password again",
    "Lock token",
    "Sent late",
    "Page left",
    "Draft version",
    "Version",
)


async def test_a_field_may_have_any_name_that_our_own_inputs_seem_to_have(people: People) -> None:
    assert (await people.ana.post("/collections/new", data={"name": "Doors", "first": "Door"})).status_code == 303
    for label in OWN_NAMES:
        assert (await people.ana.post("/c/doors/fields", data={"label": label, "kind": "text"})).status_code == 303
    page = (await people.carla.get("/c/doors/new")).text
    names = dict(re.findall(r'<label for="field-(\w+)">([^<]+)', page))
    keys = {label.strip(): key for key, label in names.items()}
    assert all(re.fullmatch(r"f\d+", name) for name in names), "inputs are named by the ids of fields"
    typed = {keys[label]: f"{label} of this door" for label in ("Door", *OWN_NAMES)}
    added = await people.carla.post("/c/doors/new", data=typed)
    address = added.headers["location"]
    form = (await people.carla.get(f"{address}/edit")).text
    ours = set(re.findall(r'<input[^>]* name="([^"]+)"', form)) - set(names) - {"q"}
    assert {name for name in ours if re.fullmatch(r"[a-z0-9_]+", name)} <= RESERVED_KEYS | {"waiting"}
    token = re.search(r'name="lock-token" value="(\d+-[0-9a-f]{32})"', form)
    assert token
    sent = {**typed, keys["Late"]: "Typed on", "version": "1", "lock-token": token[1]}
    assert (await people.carla.post(f"{address}/draft", data=sent)).status_code == 204
    stale = await people.carla.post(f"{address}/draft", data={**sent, "lock-token": "0", keys["Lock"]: token[1]})
    assert stale.status_code == 409, "a field's text is no lock"
    released = await people.carla.post(f"{address}/lock/release", data=sent)
    assert released.status_code == 303, "a field's text does not say that the page was left"
    shown = (await people.carla.get(f"{address}/edit")).text
    assert 'value="Typed on"' in shown
    for label in OWN_NAMES:
        if label != "Late":
            assert f'value="{label} of this door"' in shown


async def test_a_long_text_is_looked_at_as_it_will_be_shown_and_never_cut(shared_server: Server) -> None:
    async with shared_server.let_in("acme", "ana@acme.test") as ana:
        page = (await ana.post("/c/books/preview/f7", data={"f7": "**Torn** <b>"})).text
        assert '<div class="prose"><p><strong>Torn</strong> &lt;b&gt;</p>' in page
        long = await ana.post("/c/books/preview/f7", data={"f7": "x" * 20_001}, headers={"x-page": "1"})
        assert long.text == '<p class="error">At most 20,000 characters; this has 20,001.</p>'
        assert (await ana.post("/c/books/preview/f99", data={})).status_code == 404
        added = await ana.post("/c/books/new", data={"f1": "Iracema", "f7": "# Head\r\n- one\r\n- two"})
        page = (await ana.get(added.headers["location"])).text
        assert "<p><strong>Head</strong></p>\n<ul>\n<li>one</li>" in page
        assert "# Head" in (await ana.get("/c/books/export.csv?q=head")).text


async def test_the_title_of_a_records_page_is_what_it_is_called(people: People) -> None:
    address = await add(people.ana, name="Umbrella & stand")
    assert "<title>Umbrella &amp; stand" in (await people.carla.get(address)).text


async def test_a_deleted_record_shows_what_was_typed_over_it_and_offers_no_going_on(people: People) -> None:
    address = await add(people.ana, name="Vase")
    refused = await people.carla.post(f"{address}/edit", data={"name": "My vase", "version": "9"})
    assert refused.status_code == 409
    assert "Continue with them" in (await people.carla.get(address)).text
    assert (await people.ana.post(f"{address}/delete", data={"version": "1"})).status_code == 303
    page = (await people.carla.get(address)).text
    assert "You have unsaved changes" in page
    assert "Continue with them" not in page
