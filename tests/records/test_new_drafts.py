"""Drafts of records that are not added yet, and what is typed into a field that is removed meanwhile."""

from __future__ import annotations

import html
import itertools
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.accounts.form_answers import delete_old_answers
from app.accounts.members import Member
from app.database import Database, now
from app.features import open_database
from app.records.collections import get_collection
from app.records.fields import list_fields
from app.records.new_drafts import TypedOn, discard_new_draft, find_any_new_draft, keep_new_draft
from app.records.removing import delete_removed_fields, remove_field
from tests.conftest import Server


def shown(answer: httpx.Response) -> str:
    return html.unescape(answer.text)


async def keep(client: httpx.AsyncClient, version: str, **typed: str) -> httpx.Response:
    return await client.post("/c/books/new/draft", data={"draft-version": version, **typed})


def begin(server: Server) -> httpx.AsyncClient:
    """A member who has typed nothing yet."""
    server.store.rows("DELETE FROM draft WHERE kind = 'new record'")
    return server.let_in("acme", "ana@acme.test")


async def test_a_draft_is_the_members_own_and_ends_when_it_is_saved(shared_server: Server) -> None:
    carla = await shared_server.sign_in("acme", "carla@acme.test")
    davi = await shared_server.sign_in("acme", "davi@acme.test")
    gil = await shared_server.sign_in("globex", "gil@globex.test")
    kept = await keep(carla, "0", title="Carla's half")
    assert kept.status_code == 204
    version = kept.headers["x-draft"]
    assert "Carla's half" in shown(await carla.get("/c/books/new"))
    for other in (davi, gil):
        assert "Carla's half" not in shown(await other.get("/c/books/new"))
        assert (await other.post("/c/books/new/draft/discard")).status_code == 303
    added = await carla.post("/c/books/new", data={"title": "Carla's whole", "draft-version": version})
    assert added.status_code == 303
    assert "Carla's half" not in shown(await carla.get("/c/books/new"))
    late = await keep(carla, version, title="Carla's half and more")
    assert late.status_code == 409
    assert "Carla's half" not in shown(await carla.get("/c/books/new"))
    for client in (carla, davi, gil):
        await client.aclose()


async def test_a_draft_with_nothing_in_it_is_none(shared_server: Server) -> None:
    ana = begin(shared_server)
    waits = "New record, not added yet"

    async def type_title(changes: int, title: str) -> str:
        sent = {"form-key": "emptied", "draft-changes": str(changes), "draft-version": "0", "title": title}
        assert (await ana.post("/c/books/new/draft", data=sent)).status_code == 204
        return shown(await ana.get("/"))

    assert (await ana.post("/c/books/new", data={"title": "", "form-key": "refused"})).status_code == 422
    assert waits not in shown(await ana.get("/"))
    assert waits in await type_title(1, "A book")
    assert waits not in await type_title(3, "")
    assert waits not in await type_title(2, "A boo"), "what was typed before it was emptied came later"
    assert "data-put-back hidden" in shown(await ana.get("/c/books/new"))
    assert waits in await type_title(4, "Another book")
    await ana.aclose()


async def test_who_cancels_is_told_that_what_they_typed_is_kept(shared_server: Server) -> None:
    ana = begin(shared_server)
    for title, done in (("", ""), ("Half a book", "?done=kept")):
        sent = {"form-key": "cancelled", "draft-changes": "1", "draft-version": "0", "title": title, "cancel": "yes"}
        answer = await ana.post("/c/books/new/draft", data={**sent, "draft-changes": str(len(title) + 1)})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/c/books{done}")
    assert "What you typed is kept as a draft." in shown(await ana.get("/c/books?done=kept"))
    assert "Half a book" in shown(await ana.get("/c/books/new"))
    await ana.aclose()


async def test_an_older_page_writes_over_no_newer_draft_nor_ends_it(shared_server: Server) -> None:
    davi = await shared_server.sign_in("acme", "davi@acme.test")
    first = await keep(davi, "0", title="Words of one")
    assert first.status_code == 204
    assert (await keep(davi, "0", title="Words of another")).status_code == 409
    longer = await keep(davi, first.headers["x-draft"], title="Words of one, longer")
    assert int(longer.headers["x-draft"]) > int(first.headers["x-draft"])
    saved = await davi.post("/c/books/new", data={"title": "Words of another", "draft-version": "0"})
    assert saved.status_code == 303
    assert "Words of one, longer" in shown(await davi.get("/c/books/new"))
    assert (await davi.post("/c/books/new/draft/discard")).status_code == 303
    assert "Words of one" not in shown(await davi.get("/c/books/new"))
    await davi.aclose()


@pytest.mark.parametrize("order", list(itertools.permutations(("a", "ab", "save ab", "abc"))), ids=" ".join)
async def test_what_was_typed_last_on_a_page_is_kept_in_whatever_order_its_calls_arrive(
    shared_server: Server, order: tuple[str, ...]
) -> None:
    ana = begin(shared_server)
    for call in order:
        title = call.removeprefix("save ")
        sent = {"form-key": f"{order}", "draft-changes": str(len(title)), "draft-version": "0", "title": title}
        answer = await ana.post("/c/books/new" + ("" if call.startswith("save") else "/draft"), data=sent)
        assert answer.status_code == (303 if call.startswith("save") else 204)
    assert 'value="abc"' in shown(await ana.get("/c/books/new"))
    await ana.aclose()


@pytest.mark.parametrize("order", list(itertools.permutations(("a", "ab", "save ab"))), ids=" ".join)
async def test_nothing_is_kept_of_what_is_saved_in_whatever_order_the_calls_arrive(
    shared_server: Server, order: tuple[str, ...]
) -> None:
    ana = begin(shared_server)
    for call in order:
        title = call.removeprefix("save ")
        sent = {"form-key": f"{order}", "draft-changes": str(len(title)), "draft-version": "0", "title": title}
        await ana.post("/c/books/new" + ("" if call.startswith("save") else "/draft"), data=sent)
    opened = shown(await ana.get("/c/books/new"))
    assert 'type="text" value="a' not in opened
    # Another page, opened before, is not in the way of it: what is typed there is kept.
    other = await keep(ana, "0", title="Of another", **{"form-key": "two", "draft-changes": "1"})
    assert other.status_code == 204
    late = await keep(ana, "0", title="a", **{"form-key": f"{order}", "draft-changes": "1"})
    assert late.status_code == 409
    assert 'value="Of another"' in shown(await ana.get("/c/books/new"))
    await ana.aclose()


async def test_what_was_discarded_does_not_come_back_with_a_late_call(shared_server: Server) -> None:
    ana = begin(shared_server)
    page = {"form-key": "one"}
    first = await keep(ana, "0", title="First", **page, **{"draft-changes": "1"})
    assert first.status_code == 204
    await ana.post("/c/books/new/draft/discard", data={**page, "draft-changes": "2"})
    late = await keep(ana, first.headers["x-draft"], title="First word", **page, **{"draft-changes": "2"})
    assert (late.status_code, late.headers["x-draft-state"]) == (204, "ended")
    assert "First" not in shown(await ana.get("/c/books/new"))
    await ana.aclose()


async def test_a_refused_record_is_kept_as_a_draft(shared_server: Server) -> None:
    bruno = await shared_server.sign_in("acme", "bruno@acme.test")
    refused = await bruno.post("/c/books/new", data={"title": "Refused", "year": "soon", "draft-version": "0"})
    assert refused.status_code == 422
    later = shown(await bruno.get("/c/books/new"))
    assert 'value="Refused"' in later
    assert 'value="soon"' in later
    await bruno.post("/c/books/new/draft/discard")
    await bruno.aclose()


async def test_a_text_for_a_removed_field_is_shown_before_anything_is_saved_and_kept_with_other_errors(
    server: Server,
) -> None:
    ana = await server.sign_in("acme", "ana@acme.test")
    carla = await server.sign_in("acme", "carla@acme.test")
    opened = await carla.get("/c/books/40/edit")
    version = server.store.rows("SELECT version FROM record WHERE number = 40 AND tenant_id = 1")[0][0]
    proof = re.search(r'name="lock-token" value="([^"]+)"', opened.text)
    assert proof
    removed = await ana.post("/c/books/fields/notes", data={"action": "remove"})
    assert removed.status_code == 303
    again = await ana.post("/c/books/fields", data={"label": "Notes", "kind": "date"})
    assert again.status_code == 303
    keys: Any = server.store.rows("SELECT key FROM field WHERE label = 'Notes' AND tenant_id = 1 ORDER BY id")
    assert keys == [("notes",), ("notes_2",)]
    typed = {"title": "Dom Casmurro", "notes": "Typed before", "lock-token": proof[1], "version": str(version)}
    for more in ({"year": "soon"}, {}):
        answer = await carla.post("/c/books/40/edit", data={**typed, **more})
        assert answer.status_code == 409
        assert "Typed before" in answer.text
        assert "The field “Notes” was removed" in shown(answer)
    draft = server.store.rows('SELECT "values" FROM draft WHERE "values" IS NOT NULL')
    assert "Typed before" in str(draft)
    saved = await carla.post("/c/books/40/edit", data={**typed, "removed-fields": "notes"})
    assert (saved.status_code, saved.headers["location"]) == (303, "/c/books/40?done=saved")
    assert server.store.rows('SELECT "values" FROM draft WHERE "values" IS NOT NULL') == []
    await ana.aclose()
    await carla.aclose()


async def test_a_conflict_shows_what_was_typed_into_a_removed_field(server: Server) -> None:
    ana = await server.sign_in("acme", "ana@acme.test")
    carla = await server.sign_in("acme", "carla@acme.test")
    await ana.post("/c/books/fields/notes", data={"action": "remove"})
    typed = {"title": "Another", "notes": "Typed before", "version": "99", "removed-fields": "notes"}
    answer = await carla.post("/c/books/40/edit", data=typed)
    assert answer.status_code == 409
    assert "Nothing was saved." in answer.text
    assert "Typed before" in answer.text
    await ana.aclose()
    await carla.aclose()


async def test_a_date_that_is_none_is_given_back(shared_server: Server) -> None:
    ana = await shared_server.sign_in("acme", "ana@acme.test")
    await ana.post("/c/books/fields", data={"label": "Bought", "kind": "date"})
    answer = await ana.post("/c/books/new", data={"title": "A day", "bought": "31 February"})
    assert answer.status_code == 422
    assert 'type="text" value="31 February"' in answer.text
    await ana.aclose()


async def test_a_removed_field_is_known_for_thirty_days_and_then_forgotten(database: Database) -> None:
    async with database.write(1) as transaction:
        books, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
        fields = {field.key: field for field in await list_fields(transaction, books)}
        for days, key in ((31, "notes"), (29, "isbn")):
            await remove_field(transaction, books, fields[key], ana)
            fields[key].removed_at = now() - timedelta(days=days)
    async with database.write(1) as transaction:
        await delete_removed_fields(transaction, 100)
        assert [field.key for field in (await list_fields(transaction, books)).removed] == ["isbn"]
        assert not {"notes", "isbn"} & {field.key for field in await list_fields(transaction, books)}


@pytest.mark.parametrize("typed_since", [False, True], ids=["as it came back", "typed on"])
@pytest.mark.parametrize("arrived", [False, True], ids=["before any", "after one"])
async def test_what_was_on_its_way_when_a_draft_was_discarded_stays_away(
    database: Database, arrived: bool, typed_since: bool
) -> None:
    async with database.write(1) as transaction:
        books, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
        first, version = TypedOn("first form", 2, 0), 0
        if arrived:
            version = (await keep_new_draft(transaction, books, ana, {"title": "Kept"}, first)).version
            assert version
        second = TypedOn("second form", int(typed_since), version)
        discarding = first if not arrived or typed_since else second  # which shows what the first has kept
        gone = await discard_new_draft(transaction, books, ana, discarding)
        assert gone == ({"title": "Kept"} if arrived else None)
        await keep_new_draft(transaction, books, ana, {"title": "Late"}, TypedOn("first form", 1, 0))
        draft = await find_any_new_draft(transaction, books, ana)
        assert draft is not None
        assert draft.values is None
        await keep_new_draft(transaction, books, ana, {"title": "Typed since"}, TypedOn("first form", 3, 0))
        assert draft.values == {"title": "Typed since"}


async def open_form(client: httpx.AsyncClient) -> dict[str, str]:
    """A form of a new record, as its page has it."""
    found = re.findall(r'name="(form-key|draft-[a-z]+)" value="([^"]*)"', (await client.get("/c/books/new")).text)
    return dict(found)


async def test_a_draft_that_is_forgotten_gives_its_versions_to_no_other(shared_server: Server) -> None:
    ana = begin(shared_server)
    before, other = await open_form(ana), {"title": "Newer words"}
    first = await ana.post("/c/books/new/draft", data={**before, "draft-changes": "1", "title": "Old words"})
    shared_server.store.rows("DELETE FROM draft")
    assert (await ana.post("/c/books/new/draft", data={**await open_form(ana), **other})).status_code == 204
    again = {**before, "draft-version": first.headers["x-draft"], "draft-changes": "2", "title": "Old words, more"}
    assert (await ana.post("/c/books/new/draft", data=again)).status_code == 409
    assert 'value="Newer words"' in shown(await ana.get("/c/books/new"))
    await ana.aclose()


async def test_a_form_of_long_ago_is_added_when_its_member_knows_that_it_was_not(shared_server: Server) -> None:
    ana = begin(shared_server)
    old = {**await open_form(ana), "draft-version": str(int((now() - timedelta(days=31)).timestamp() * 1000))}
    typed = {**old, "draft-changes": "1", "title": "Of long ago"}
    kept = await ana.post("/c/books/new/draft", data=typed)
    assert (kept.status_code, kept.headers["x-draft-state"]) == (409, "too old")
    refused = await ana.post("/c/books/new", data=typed)
    assert refused.status_code == 409
    assert "Check that this was not added since" in refused.text
    assert 'value="Of long ago"' in refused.text
    again = dict(re.findall(r'name="(form-key|draft-[a-z]+)" value="([^"]*)"', refused.text))
    assert again["form-key"] != old["form-key"]
    assert (await ana.post("/c/books/new", data={**again, "title": "Of long ago"})).status_code == 303
    without_key = await ana.post("/c/books/new", data={"draft-version": old["draft-version"], "title": "No key"})
    assert without_key.status_code == 409
    await ana.aclose()


@pytest.mark.parametrize("days", [3, 29])
async def test_a_form_that_is_sent_again_days_later_makes_nothing_twice(shared_server: Server, days: int) -> None:
    ana = begin(shared_server)
    form = {**await open_form(ana), "title": f"Once in {days} days"}
    first = await ana.post("/c/books/new", data=form)
    moment = (now() - timedelta(days=days)).replace(tzinfo=None)
    shared_server.store.rows("UPDATE form_answer SET made_at = ?", moment)
    database = open_database(shared_server.store.url)
    async with database.write(1) as transaction:
        await delete_old_answers(transaction, 100)
    await database.close()
    again = await ana.post("/c/books/new", data=form)
    assert (again.status_code, again.headers["location"]) == (303, first.headers["location"])
    await ana.aclose()


async def test_what_another_tab_has_added_is_told_to_the_one_it_was_begun_in(shared_server: Server) -> None:
    ana = begin(shared_server)
    form = {**await open_form(ana), "draft-changes": "1", "title": "Begun here"}
    assert (await ana.post("/c/books/new/draft", data=form)).status_code == 204
    added = await ana.post("/c/books/new", data={**await open_form(ana), "title": "Begun here, ended there"})
    late = await ana.post("/c/books/new/draft", data={**form, "draft-changes": "2", "title": "Begun here and more"})
    assert (late.status_code, late.headers["x-draft-made"]) == (409, added.headers["location"])
    await ana.aclose()
