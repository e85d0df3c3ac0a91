"""Fields are things of their own: whatever they are called, their values are theirs."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from app.database import Database
from app.jobs.runner import Runner
from app.settings import read_settings
from tests.conftest import Server

HOSTILE = (
    *("Lock", "Lock token", "lock-token", "Version", "Left", "Contains", "Matches", "Closest", "Elements", "Action"),
    *("Method", "Submit", "Reset", "Length", "Name", "Id", "Form", "F1", "f2", "__proto__", "constructor", "Q", "Sort"),
    *("Номер", "Ημερομηνία", "日付", "🎂", "<b>Bold</b>", "a\u202eb", "'; DROP TABLE field; --", "  spaced   out  "),
)


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with shared_server.let_in("acme", "ana@acme.test") as client:
        yield client


async def make_collection(client: httpx.AsyncClient, name: str, *labels: str) -> tuple[str, dict[str, str]]:
    """Make a collection with fields; its address, and the refs of its fields in their order."""
    made = await client.post("/collections/new", data={"name": name, "first": "Title"})
    assert made.status_code == 303, made.text
    address = made.headers["location"].removesuffix("/fields?done=collection")
    for label in labels:
        added = await client.post(f"{address}/fields", data={"label": label, "kind": "text"})
        assert added.status_code == 303, (label, added.text)
    form = (await client.get(f"{address}/new")).text
    refs = re.findall(r'<label for="field-(f\d+)">(.*?)</label>', form)
    return address, {html.unescape(re.sub("<[^b/].*", "", label)).strip(): ref for ref, label in refs}


async def test_a_field_may_have_any_name(ana: httpx.AsyncClient) -> None:
    address, refs = await make_collection(ana, "Hostile names", *HOSTILE)
    assert len(refs) == len(HOSTILE) + 1
    typed = {ref: f"value of {ref}" for ref in refs.values()}
    added = await ana.post(f"{address}/new", data=typed | {"draft-version": "0"})
    assert added.headers["location"] == f"{address}/1"
    edit = (await ana.get(f"{address}/1/edit")).text
    for value in typed.values():
        assert f'value="{value}"' in edit
    token = re.findall(r'name="lock-token" value="([^"]+)"', edit)[0]
    kept = await ana.post(f"{address}/1/draft", data=typed | {"lock-token": token, "version": "1"})
    assert kept.status_code == 204
    changed = typed | dict.fromkeys(list(typed)[3:4], "changed")
    saved = await ana.post(f"{address}/1/edit", data=changed | {"lock-token": token, "version": "1"})
    assert saved.headers["location"] == f"{address}/1?done=saved"
    shown = (await ana.get(f"{address}/1")).text
    assert token not in shown
    assert shown.count("value of f") > len(HOSTILE)
    edit = (await ana.get(f"{address}/1/edit")).text
    token = re.findall(r'name="lock-token" value="([^"]+)"', edit)[0]
    left = await ana.post(f"{address}/1/lock/release", data=typed | {"lock-token": token, "version": "2"})
    assert left.status_code == 303
    for name in ("csv", "json", "xlsx"):
        assert (await ana.get(f"{address}/export.{name}")).status_code == 200


async def test_a_field_that_is_removed_and_added_again_is_another_one(
    ana: httpx.AsyncClient, shared_server: Server
) -> None:
    address, refs = await make_collection(ana, "Twice", "Year")
    await ana.post(f"{address}/new", data={refs["Title"]: "A", refs["Year"]: "javascript:alert(12)"})
    removed = await ana.post(f"{address}/fields/{refs['Year']}", data={"action": "remove"})
    assert removed.status_code == 303
    for kind in ("date", "link"):
        added = await ana.post(f"{address}/fields", data={"label": f"Year {kind}", "kind": kind})
        assert added.status_code == 303
    again = await ana.post(f"{address}/fields", data={"label": "Year", "kind": "link"})
    assert again.status_code == 303
    assert "javascript:" not in (await ana.get(f"{address}/1")).text.partition("<ol")[0]
    assert "javascript:" not in (await ana.get(address)).text
    saved = await ana.post(f"{address}/new", data={refs["Title"]: "B"})
    assert saved.status_code == 303


async def test_what_a_removed_field_had_is_not_found_any_more(database: Database, server: Server) -> None:
    async with server.let_in("acme", "ana@acme.test") as ana:
        assert "Dom Casmurro" in (await ana.get("/c/books?q=torn+cover")).text
        await ana.post("/c/books/fields/notes", data={"action": "remove"})
        runner = Runner(database, read_settings({}))
        while server.store.rows("SELECT 1 FROM job WHERE name = 'records.reindex'"):
            await runner.step()
        assert "Dom Casmurro" not in (await ana.get("/c/books?q=torn+cover")).text


async def test_collections_may_be_called_anything_and_names_are_free_again(ana: httpx.AsyncClient) -> None:
    addresses = []
    for name in ("Книги", "Άνθρωποι", "本", "🎂", "🎈", "Öl", "Ol-2"):
        address, _ = await make_collection(ana, name)
        addresses.append(address)
    spelled = ["knigi", "anthropoi", "ben", "birthday", "balloon", "ol", "ol-2"]
    assert addresses == [f"/c/{slug}" for slug in spelled]
    taken = await ana.post("/collections/new", data={"name": "КНИГИ", "first": "Title"})
    assert taken.status_code == 422
    await ana.post(f"{addresses[0]}/rename", data={"collection_name": "Other books"})
    again, _ = await make_collection(ana, "Книги")
    assert again not in addresses


async def test_keys_are_spelled_from_labels_in_any_script(ana: httpx.AsyncClient) -> None:
    labels = {"Номер": "nomer", "日本": "riben", "2 Jahre": "field_2_jahre", "F9": "field_f9", "ㅤ.": "field"}
    address, refs = await make_collection(ana, "Keys", *labels)
    for label, key in labels.items():
        form = (await ana.get(f"{address}/fields/{refs[label]}")).text
        assert re.findall(r'name="key"[^>]*value="([^"]*)"', form) == [key], label


async def test_a_renamed_choice_is_called_so_everywhere(ana: httpx.AsyncClient, shared_server: Server) -> None:
    address, refs = await make_collection(ana, "Tools")
    await ana.post(f"{address}/fields", data={"label": "State", "kind": "choice", "choices": "Good\nBroken"})
    form = (await ana.get(f"{address}/new")).text
    assert re.search(r'<option value="#1">Good</option>', form)
    (state,) = re.findall(r'<select id="field-(f\d+)"', form)
    await ana.post(f"{address}/new", data={refs["Title"]: "Axe", state: "#2"})
    choices = [
        {"id": 1, "name": "Good", "color": "green", "archived": False},
        {"id": 2, "name": "Out of order", "color": "red", "archived": False},
    ]
    shared_server.store.rows("UPDATE field SET choices = ? WHERE id = ?", json.dumps(choices), int(state[1:]))
    assert "Out of order" in (await ana.get(f"{address}/1")).text
    assert "Out of order" in (await ana.get(address)).text


async def test_who_changes_a_field_over_anothers_change_is_shown_both_first(ana: httpx.AsyncClient) -> None:
    address, _ = await make_collection(ana, "Shelves", "Place")
    (ref,) = re.findall(r"/fields/(f\d+)#[^>]*>\s*<b>Place", (await ana.get(f"{address}/fields")).text)
    opened = (await ana.get(f"{address}/fields/{ref}")).text
    (version,) = re.findall(r'name="version" value="(\d+)"', opened)
    mine = {"label": "Where", "version": version, "help": "Mine"}
    theirs = {"label": "Place", "version": version, "help": "Theirs"}
    assert (await ana.post(f"{address}/fields/{ref}", data=theirs)).status_code == 303
    refused = await ana.post(f"{address}/fields/{ref}", data=mine)
    assert refused.status_code == 409
    assert all(text in refused.text for text in ("Mine", "Theirs", "Now saved"))
    (seen,) = re.findall(r'name="version" value="(\d+)"', refused.text)
    assert (await ana.post(f"{address}/fields/{ref}", data=mine | {"version": seen})).status_code == 303
    assert "Where" in (await ana.get(f"{address}/fields")).text


async def test_what_was_not_touched_is_not_judged(ana: httpx.AsyncClient) -> None:
    """A choice that is none any more, and a rule that came later, are in nobody's way who edits another field."""
    address, refs = await make_collection(ana, "Rules", "Note")
    await ana.post(f"{address}/fields", data={"label": "State", "kind": "choice", "choices": "Good\nBroken"})
    (state,) = re.findall(r'<select id="field-(f\d+)"', (await ana.get(f"{address}/new")).text)
    await ana.post(f"{address}/new", data={refs["Title"]: "Saw", state: "#2"})
    await ana.post(f"{address}/fields/{state}", data={"label": "State", "choices": "Good"})
    await ana.post(f"{address}/fields/{refs['Note']}", data={"label": "Note", "required": "yes"})
    edit = (await ana.get(f"{address}/1/edit")).text
    assert "Broken" in edit, "what it has is there to be kept"
    token = re.findall(r'name="lock-token" value="([^"]+)"', edit)[0]
    typed = {refs["Title"]: "Hand saw", refs["Note"]: "", state: "#2", "lock-token": token, "version": "1"}
    assert (await ana.post(f"{address}/1/edit", data=typed)).status_code == 303
    assert "Broken" in (await ana.get(f"{address}/1")).text
    added = await ana.post(f"{address}/new", data={refs["Title"]: "Another", state: "#2"})
    assert added.status_code == 422, "a new one is judged as a whole"
