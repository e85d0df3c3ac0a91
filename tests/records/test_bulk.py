"""Several records at once: each is written as if it were alone, and what could not be is said."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import httpx
import pytest

from app.accounts.members import Member
from app.editing.rows import Held
from app.records.bulk import reason_of
from app.records.records import Record
from tests.conftest import Server

Peers = dict[str, httpx.AsyncClient]


@pytest.fixture(scope="module")
async def people(shared_server: Server) -> AsyncIterator[Peers]:
    """An owner and two members of acme, and the owner of globex."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(shared_server.let_in(slug, f"{name}@{slug}.test")))
            for slug, name in (("acme", "ana"), ("acme", "carla"), ("acme", "davi"), ("globex", "gil"))
        }


async def add(people: Peers, title: str) -> int:
    added = await people["ana"].post("/c/books/new", data={"title": title, "notes": "Kept"})
    return int(added.headers["location"].rpartition("/")[2])


def stored(server: Server, number: int) -> dict[str, Any]:
    statement = (
        "SELECT r.version, r.deleted_at, r.\"values\" ->> 'f1', r.\"values\" ->> 'f7', r.\"values\" ->> 'f3',"
        " r.lock_member_id FROM record r JOIN collection c ON c.id = r.collection_id"
        " WHERE r.tenant_id = 1 AND c.slug = 'books' AND r.number = ?"
    )
    ((version, deleted_at, title, notes, year, holder),) = server.store.rows(statement, number)
    return {
        "version": version,
        "deleted": deleted_at is not None,
        "title": title,
        "notes": notes,
        "year": year,
        "held": holder is not None,
    }


async def hold(people: Peers, name: str, number: int) -> None:
    assert 'id="record-form"' in (await people[name].get(f"/c/books/{number}/edit")).text


async def delete(people: Peers, name: str, *seen: str, **others: str) -> httpx.Response:
    return await people[name].post("/c/books/delete", data={"record": list(seen), **others})


async def test_the_ticked_records_go_into_the_bin_and_the_list_is_shown_as_it_was(
    shared_server: Server, people: Peers
) -> None:
    first, second, other = [await add(people, f"Short-lived {number}") for number in (1, 2, 3)]
    answer = await delete(people, "carla", f"{first}:1", f"{second}:1", q="Short", sort="title", page="1")
    assert answer.status_code == 303
    assert re.fullmatch(r"/c/books\?q=Short&sort=f1&undo=\d+", answer.headers["location"])
    assert [stored(shared_server, number)["deleted"] for number in (first, second, other)] == [True, True, False]
    listed = (await people["davi"].get("/c/books?q=Short-lived")).text
    assert re.findall(r'name="record" value="([\d:]+)"', listed) == [f"{other}:1"]
    alone = await delete(people, "carla", f"{other}:1")
    assert re.fullmatch(r"/c/books\?undo=\d+", alone.headers["location"])
    said = (await people["carla"].get(alone.headers["location"])).text
    assert "Short-lived 3 is in the trash" in said, "one is not spoken of as several"


async def test_what_is_held_or_has_changed_since_stays_and_is_said(shared_server: Server, people: Peers) -> None:
    free, held, own, changed, binned = [await add(people, f"Stubborn {number}") for number in range(5)]
    await hold(people, "ana", held)
    await hold(people, "carla", own)
    assert (await people["ana"].post(f"/c/books/{changed}/edit", data={"title": "New", "version": "1"})).is_redirect
    assert (await people["ana"].post(f"/c/books/{binned}/delete", data={"version": "1"})).is_redirect
    numbers = (free, held, own, changed, binned)
    before = [stored(shared_server, number) for number in numbers]
    answer = await delete(people, "carla", *(f"{number}:1" for number in numbers))
    assert answer.status_code == 409
    for said in (
        "1 record is in the trash.",
        "Ana is editing it.",
        "You are editing it.",
        "It has changed since you saw it.",
        "It is in the trash.",
    ):
        assert said in answer.text
    assert [stored(shared_server, number) for number in numbers[1:]] == before[1:]
    assert stored(shared_server, free)["deleted"]
    again = re.findall(r'name="record" value="([\d:]+)"', answer.text)
    assert again == [f"{changed}:2"], "what was changed can be deleted as it is now; the others can't"


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        ({}, "You are editing it."),
        ({"lock_offered": True}, "It is your turn to edit it."),
        ({"lock_program": "Nightly"}, "Your script “Nightly” is editing it."),
    ],
)
def test_who_holds_a_lock_oneself_is_said_as_it_is(lock: dict[str, Any], said: str) -> None:
    held = {"lock_member_id": 3, "lock_name": "Carla", "lock_offered": False, "lock_program": None}
    assert reason_of(Record(**held | lock), Held(), Member(id=3)).translate("en") == said


@pytest.mark.parametrize("seen", [(), ("",), ("x:1",), ("99999999999999999999:1",), ("40",), ("40:0",), ("40:99",)])
async def test_what_makes_no_sense_deletes_nothing(shared_server: Server, people: Peers, seen: tuple[str, ...]) -> None:
    before = stored(shared_server, 40)
    answer = await delete(people, "carla", *seen)
    assert answer.status_code in (303, 409)
    assert stored(shared_server, 40) == before


async def test_what_is_not_there_is_not_said_to_be_in_the_bin(people: Peers) -> None:
    for name in ("carla", "gil"):
        answer = await delete(people, name, "999999:1")
        assert answer.headers["location"] == "/c/books?done=all-gone"


async def test_another_workspace_deletes_only_its_own(shared_server: Server, people: Peers) -> None:
    number = await add(people, "Acme's")
    await delete(people, "gil", f"{number}:1")
    assert not stored(shared_server, number)["deleted"]


def table(*lines: str) -> dict[str, str]:
    return {"table": "\n".join(("#,Title,Notes,Year", *lines))}


async def plan(people: Peers, name: str, data: dict[str, str]) -> tuple[httpx.Response, dict[str, str]]:
    """Look at what a table would do; the answer, and the form to go on with."""
    shown = await people[name].post("/c/books/import", data=data)
    seen = re.search(r'name="seen" value="([^"]*)"', shown.text)
    return shown, {**data, "seen": seen[1] if seen else ""}


async def test_lines_with_a_number_change_records_and_others_are_added(shared_server: Server, people: Peers) -> None:
    number, same = await add(people, "To be imported"), await add(people, "Stays")
    data = {"table": f"#;Title;Year\r\n{number};Imported;1901\r\n\r\n{same};Stays;\r\n;“Added; quoted”;1902\r\n"}
    data["table"] = data["table"].replace("“", '"').replace("”", '"')
    shown, form = await plan(people, "carla", data)
    assert shown.status_code == 200
    assert stored(shared_server, number)["version"] == 1, "looking changes nothing"
    done = await people["carla"].post("/c/books/import", data=form)
    assert (done.status_code, done.headers["location"]) == (303, "/c/books?done=imported&about=1-1")
    after = stored(shared_server, number)
    assert (after["version"], after["title"], after["year"]) == (2, "Imported", "1901")
    assert after["notes"] == "Kept", "a column that is not there stays as it is"
    assert stored(shared_server, same)["version"] == 1
    assert "Added; quoted" in (await people["davi"].get("/c/books")).text
    history = (await people["davi"].get(f"/c/books/{number}")).text
    assert "imported" in history


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"table": ""}, "Put the field names"),
        ({"table": "Title"}, "Put the field names"),
        ({"table": "Title,Wrong\nA,B"}, "There is no field “Wrong”."),
        ({"table": "Title,title\nA,B"}, "The field “title” appears twice."),
        ({"table": 'Title,Year\n"A,B'}, "is a quotation mark missing?"),
        ({"table": "Title\n" + "A\n" * 2001}, "At most 2,000 records at a time."),
        (table(",,,1900"), "Title: This can&#39;t be empty."),
        (table(",A,,soon"), "Year: Enter a number"),
        (table("99999,A,,"), "There is no record with the number 99999"),
        (table("x,A,,"), "There is no record with the number x"),
        (table("40,A,,", "40,B,,"), "There is no record with the number 40, or it appears twice."),
        (table(",A,,1900,more"), "It has more cells than the first line."),
    ],
)
async def test_a_table_that_won_t_do_is_said_line_by_line_and_kept(
    shared_server: Server, people: Peers, data: dict[str, str], said: str
) -> None:
    before = shared_server.store.rows("SELECT count(*), sum(version) FROM record")
    for form in (data, {**data, "seen": "40:3"}):
        answer = await people["carla"].post("/c/books/import", data=form)
        assert answer.status_code in (422, 409)
        assert said in answer.text
        kept = "B" if "B" in data["table"] else "A"  # a line before it may have been written
        assert kept not in data["table"] or kept in answer.text.partition("<textarea")[2]
    if "B" not in data["table"]:
        assert shared_server.store.rows("SELECT count(*), sum(version) FROM record") == before


async def test_lines_whose_record_is_held_or_has_changed_since_are_left_and_can_be_tried_again(
    shared_server: Server, people: Peers
) -> None:
    free, held, own, changed = [await add(people, f"Contested {number}") for number in range(4)]
    numbers = (free, held, own, changed)
    data = table(*(f"{number},Contested,From the table,1900" for number in numbers), ",Fresh,,")
    await hold(people, "ana", held)
    shown, form = await plan(people, "carla", data)
    assert "Ana is editing it." in shown.text
    await hold(people, "carla", own)
    await people["ana"].post(f"/c/books/{changed}/edit", data={"title": "New", "notes": "Ana's", "version": "1"})
    before = [stored(shared_server, number) for number in numbers]
    answer = await people["carla"].post("/c/books/import", data=form)
    assert answer.status_code == 409
    for said in (
        "Ana is editing it.",
        "You are editing it.",
        "It has changed since you saw it.",
        "<del>Ana&#39;s</del> → <ins>From the table</ins>",
    ):
        assert said in answer.text
    assert [stored(shared_server, number) for number in numbers[1:]] == before[1:]
    assert stored(shared_server, free)["notes"] == "From the table"
    kept = answer.text.partition("<textarea")[2].partition("</textarea>")[0]
    assert re.findall(r"^(\d+),Contested,From the table,1900$", kept, re.M) == [str(each) for each in numbers[1:]]


async def test_a_draft_of_the_importers_own_is_not_settled_by_an_import(shared_server: Server, people: Peers) -> None:
    number = await add(people, "Half written")
    refused = await people["carla"].post(f"/c/books/{number}/edit", data={"title": "My draft", "version": "9"})
    assert refused.status_code == 409
    _, form = await plan(people, "carla", table(f"{number},Half written,Table,1900"))
    assert (await people["carla"].post("/c/books/import", data=form)).status_code == 303
    assert "You have unsaved changes from" in (await people["carla"].get(f"/c/books/{number}")).text


async def test_a_unique_value_is_taken_once_also_within_the_table(shared_server: Server, people: Peers) -> None:
    made = await people["ana"].post("/collections/new", data={"name": "Keys", "first": "Tag"})
    slug = made.headers["location"].split("/")[2]
    await people["ana"].post(f"/c/{slug}/fields/tag", data={"label": "Tag", "unique": "yes"})
    await people["ana"].post(f"/c/{slug}/new", data={"tag": "K1"})
    answer = await people["carla"].post(f"/c/{slug}/import", data={"table": "Tag\nk1\nK2\nk2"})
    assert answer.status_code == 422
    assert "Tag: Record 1 already has this value." in answer.text
    assert "Tag: Line 3 has the same value." in answer.text


async def test_what_is_neither_yes_nor_no_is_refused_and_an_empty_column_left_out(people: Peers) -> None:
    made = await people["ana"].post("/collections/new", data={"name": "Lamps", "first": "Name"})
    slug = made.headers["location"].split("/")[2]
    await people["ana"].post(f"/c/{slug}/fields", data={"label": "Broken", "kind": "yes_no"})
    address = f"/c/{slug}/import"
    refused = await people["carla"].post(address, data={"table": "Name;Broken\nA;yes\nB;FALSO\nC;-"})
    assert refused.status_code == 422
    assert refused.text.count("Broken: Enter yes or no.") == 2
    lines = ["sep=;", "Name;;Broken;", "A;;TRUE", "B;;FALSE;", "C;;"]
    looked = await people["carla"].post(address, data={"table": "\r\n".join(lines)})
    assert "2 columns are empty and skipped." in looked.text
    unknown = await people["carla"].post(address, data={"table": "Name;Colour;Broken\nD;;TRUE"})
    assert "1 column is empty and skipped." in unknown.text, "no field is called so, and nothing is lost"
    filled = await people["carla"].post(address, data={"table": "Name;Colour;Broken\nD;red;TRUE"})
    assert "There is no field “Colour”." in filled.text
    both = await people["carla"].post(address, data={"table": "Name;Colour;Broken;Size\nD;red;TRUE;L"})
    assert "There are no fields “Colour”, “Size”." in both.text, "all at once"
    assert 'name="skip-unknown"' in both.text
    assert f'href="/c/{slug}/fields">Add fields' not in both.text, "who may not manage fields is not led there"
    table = {"table": "Name;Colour;Broken;Size\nD;red;TRUE;L", "skip-unknown": "yes"}
    asked = await people["ana"].post(address, data={"table": table["table"]})
    assert f'href="/c/{slug}/fields">Add fields' in asked.text
    without = await people["carla"].post(address, data=table)
    assert re.search(r"Skipped, because there is no field with this name:\s+Colour, Size", without.text)
    assert 'name="skip-unknown"' in without.text, "it goes along"
    none = await people["carla"].post(address, data={"table": "Colour;Size\nred;L", "skip-unknown": "yes"})
    assert "There are no fields “Colour”, “Size”." in none.text
    assert 'name="skip-unknown"' not in none.text, "nothing would be left"
    done = await people["carla"].post(address, data={"table": "\r\n".join(lines), "seen": ""})
    assert done.status_code == 303
    cells = re.findall(r"<td[^>]*>\s*(Yes|No)\s*</td>", (await people["carla"].get(f"/c/{slug}?sort=number")).text)
    assert cells == ["Yes", "No", "No"]
    done = await people["carla"].post(address, data={**table, "seen": ""})
    assert (done.status_code, done.headers["location"]) == (303, f"/c/{slug}?done=imported&about=1-0")


async def test_another_workspace_imports_into_its_own_alone(shared_server: Server, people: Peers) -> None:
    number = await add(people, "Acme's again")
    before = stored(shared_server, number)
    answer = await people["gil"].post("/c/books/import", data={**table(f"{number},Stolen,,"), "seen": f"{number}:1"})
    assert answer.status_code in (404, 409, 422)
    assert stored(shared_server, number) == before


async def binned(people: Peers, *titles: str, slug: str = "books", **typed: str) -> list[str]:
    """Add records and delete them; as the bin's ticks name them."""
    seen = []
    for title in titles:
        made = await people["ana"].post(f"/c/{slug}/new", data={"title": title, "tag": title, **typed})
        number = made.headers["location"].rpartition("/")[2]
        assert (await people["ana"].post(f"/c/{slug}/{number}/delete", data={"version": "1"})).is_redirect
        seen.append(f"{number}:2")
    return seen


async def restore(people: Peers, name: str, *seen: str, slug: str = "books") -> httpx.Response:
    return await people[name].post(f"/c/{slug}/bin/restore", data={"record": list(seen)})


async def test_the_ticked_records_come_out_of_the_bin(shared_server: Server, people: Peers) -> None:
    first, second, other = await binned(people, "Mislaid 1", "Mislaid 2", "Mislaid 3")
    page = (await people["carla"].get("/c/books/bin")).text
    ticks = re.findall(r'name="record" value="([\d:]+)" form="ticked"', page)
    assert {first, second, other} <= set(ticks)
    answer = await restore(people, "carla", first, second)
    assert (answer.status_code, answer.headers["location"]) == (303, "/c/books/bin?done=restored-several")
    numbers = [int(each.partition(":")[0]) for each in (first, second, other)]
    assert [stored(shared_server, number)["deleted"] for number in numbers] == [False, False, True]
    assert [stored(shared_server, number)["version"] for number in numbers] == [3, 3, 2]
    listed = (await people["davi"].get("/c/books?q=Mislaid&sort=title")).text
    assert re.findall(r'name="record" value="([\d:]+)"', listed) == [f"{number}:3" for number in numbers[:2]]
    assert "restored it from the trash" in (await people["davi"].get(f"/c/books/{numbers[0]}")).text


async def test_what_can_t_be_restored_stays_in_the_bin_and_is_said(shared_server: Server, people: Peers) -> None:
    made = await people["ana"].post("/collections/new", data={"name": "Locks", "first": "Tag"})
    slug = made.headers["location"].split("/")[2]
    await people["ana"].post(f"/c/{slug}/fields/tag", data={"label": "Tag", "unique": "yes"})
    (twice,) = await binned(people, "T1", slug=slug)
    (same,) = await binned(people, "T1", slug=slug)
    (free,) = await binned(people, "T2", slug=slug)
    (taken,) = await binned(people, "T3", slug=slug)
    (back,) = await binned(people, "T4", slug=slug)
    await people["ana"].post(f"/c/{slug}/new", data={"tag": "T3"})
    await people["ana"].post(f"/c/{slug}/{back.partition(':')[0]}/restore", data={"version": "2"})
    stale = free.replace(":2", ":1")
    answer = await restore(people, "carla", twice, same, taken, back, stale, slug=slug)
    assert answer.status_code == 409
    for said in (
        "1 record is in the list again.",
        "Record 1 already has this value.",  # of the two that were the same, the first one came back
        "Record 6 already has this value.",
        "It has already been restored.",
        "It is in the trash.",
    ):
        assert said in answer.text, said
    left = (await people["carla"].get(f"/c/{slug}/bin")).text
    assert re.findall(r'name="record" value="([\d:]+)" form', left) == [taken, free, same]
    assert (await restore(people, "carla", free, slug=slug)).status_code == 303


@pytest.mark.parametrize("seen", [(), ("",), ("x:1",), ("999999:1",)])
async def test_what_makes_no_sense_restores_nothing(people: Peers, seen: tuple[str, ...]) -> None:
    answer = await restore(people, "carla", *seen)
    assert answer.headers["location"] == "/c/books/bin?done=none-restored"


async def test_no_line_lacks_what_the_program_writes(shared_server: Server, people: Peers) -> None:
    made = await people["ana"].post("/collections/new", data={"name": "Kites", "first": "Name"})
    slug = made.headers["location"].split("/")[2]
    added = {"label": "Since", "kind": "created_at"}
    assert (await people["ana"].post(f"/c/{slug}/fields", data=added)).status_code == 303
    assert "required" not in (await people["ana"].get(f"/c/{slug}/fields")).text.partition("Since</b>")[2][:200]
    shared_server.store.rows("UPDATE field SET required = ? WHERE label = 'Since'", True)  # as it was once
    address = f"/c/{slug}/import"
    for table_ in ("Name\nRed", "Name;Since\nBlue;2020-01-01 10:00"):
        done = await people["carla"].post(address, data={"table": table_, "seen": ""})
        assert done.status_code == 303, done.text


async def test_a_line_is_not_judged_by_what_it_leaves_empty_as_it_was(people: Peers) -> None:
    """A field that is required by now is empty in records of before: their lines can be brought again."""
    made = await people["ana"].post("/collections/new", data={"name": "Bells", "first": "Name"})
    slug = made.headers["location"].split("/")[2]
    await people["carla"].post(f"/c/{slug}/import", data={"table": "Name\nOld", "seen": ""})
    added = {"label": "Tone", "kind": "text", "required": "yes"}
    assert (await people["ana"].post(f"/c/{slug}/fields", data=added)).status_code == 303
    address = f"/c/{slug}/import"
    same = (await people["carla"].post(address, data={"table": "#,Name,Tone\n1,Old,"})).text
    assert "can't be empty" not in html.unescape(same)
    changed = (await people["carla"].post(address, data={"table": "#,Name,Tone\n1,New,"})).text
    assert "can't be empty" not in html.unescape(changed)
    new = (await people["carla"].post(address, data={"table": "#,Name,Tone\n,Newer,"})).text
    assert "can't be empty" in html.unescape(new)
    await people["carla"].post(address, data={"table": "#,Name,Tone\n1,Old,C sharp", "seen": "1:1"})
    emptied = (await people["carla"].post(address, data={"table": "#,Name,Tone\n1,Old,"})).text
    assert "can't be empty" in html.unescape(emptied)
