"""Fields of people: chosen by name or address, told, called as they are now, and kept when they have gone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from unittest import mock

import httpx
import pytest

from app.demo import PASSWORD
from app.records.kinds import known_people
from tests.conftest import Server
from tests.fields import make_field
from tests.waiting import until

People = dict[str, httpx.AsyncClient]


@pytest.fixture
async def people(server: Server) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(server.let_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno", "carla", "davi")
        }


async def add_field(ana: httpx.AsyncClient, **more: str) -> str:
    """Give the books a field of people; its ref."""
    added = await ana.post("/c/books/fields", data={"label": "Reader", "kind": "person", **more})
    assert added.status_code == 303, added.text
    return re.findall(r'id="field-(f\d+)"', (await ana.get("/c/books/new")).text)[-1]


async def add_book(client: httpx.AsyncClient, **typed: str) -> str:
    added = await client.post("/c/books/new", data={"f1": "Iracema", "f6": "#1", **typed})
    assert added.status_code == 303, added.text
    return added.headers["location"]


async def change_book(client: httpx.AsyncClient, address: str, version: int, **typed: str) -> httpx.Response:
    data = {"f1": "Iracema", "f6": "#1", "version": str(version), **typed}
    return await client.post(f"{address}/edit", data=data)


async def listed(client: httpx.AsyncClient) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", (await client.get("/notifications")).text).split())


async def test_a_person_is_chosen_by_name_or_address_and_shown_by_picture_and_name(people: People) -> None:
    reader = await add_field(people["ana"])
    for text in ("Bruno", "bruno@acme.test", "#2"):
        address = await add_book(people["ana"], **{reader: text})
        page = (await people["ana"].get(address)).text
        assert 'class="avatar small" data-person="2"' in page
        form = (await people["ana"].get(f"{address}/edit")).text
        assert 'value="bruno@acme.test"' in form
        await people["ana"].post(f"{address}/lock/release", data={})
    number = await people["ana"].post("/c/books/new", data={"f1": "A", reader: "2"})
    assert "No one here is called “2”." in number.text
    refused = await people["ana"].post("/c/books/new", data={"f1": "A", reader: "Nobody at all"})
    assert refused.status_code == 422
    assert "No one here is called “Nobody at all”." in refused.text
    assert 'value="Nobody at all"' in refused.text
    refused = await people["ana"].post("/c/books/new", data={"f1": "A", reader: "Bruno, Carla"})
    assert "Only one person can be chosen here; this has 2." in refused.text
    assert 'value="bruno@acme.test, carla@acme.test"' in refused.text


async def test_who_is_chosen_is_told_once_and_follows(people: People) -> None:
    reader = await add_field(people["ana"], several="yes")
    address = await add_book(people["ana"], **{reader: "Davi, ana@acme.test"})
    assert "assigned Iracema to you" in await listed(people["davi"])
    assert "assigned Iracema" not in await listed(people["ana"])  # who chooses oneself is not told
    assert "assigned Iracema" not in await listed(people["carla"])
    assert "/unfollow/" in (await people["davi"].get(address)).text
    changed = await change_book(people["ana"], address, 1, **{reader: "Davi", "f7": "Torn"})
    assert changed.status_code == 303
    told = await listed(people["davi"])
    assert "changed Iracema: Notes, Reader" in told
    assert told.count("assigned Iracema") == 1
    row = re.findall(r'/unfollow/(record-\d+)"', (await people["davi"].get(address)).text)[0]
    await people["davi"].post(f"/unfollow/{row}")
    await change_book(people["ana"], address, 2, **{reader: "", "f7": "Torn"})
    await change_book(people["ana"], address, 3, **{reader: "Davi", "f7": "Torn"})
    assert "/unfollow/" not in (await people["davi"].get(address)).text  # what one has chosen oneself holds


async def test_a_renamed_person_is_called_sorted_and_found_so_and_one_who_was_removed_is_still_shown(
    people: People, server: Server
) -> None:
    reader = await add_field(people["ana"])
    ana = people["ana"]
    for name in ("Davi", "Carla", "Bruno"):
        await add_book(ana, f1=f"Book of {name}", **{reader: name})
    renamed = await people["carla"].post("/account/name", data={"name": "Aaron"})
    assert renamed.status_code == 303, renamed.text

    async def is_found() -> bool:
        return "Book of Carla" in (await ana.get("/c/books?q=aaron")).text

    await until(is_found)
    page = (await ana.get(f"/c/books?sort={reader}")).text
    assert re.findall(r">(Book of \w+)<", page) == ["Book of Carla", "Book of Bruno", "Book of Davi"]
    removed = await ana.post("/members/3/remove", data={"sure": "yes"})
    assert removed.status_code == 303, removed.text
    assert "Aaron" in (await ana.get("/c/books/44")).text
    form = (await ana.get("/c/books/44/edit")).text
    assert 'value="Aaron (#3)"' in form
    token = re.findall(r'name="lock-token" value="([^"]+)"', form)[0]
    kept = {"lock-token": token, "f1": "Another title", reader: "Aaron (#3)"}
    saved = await change_book(ana, "/c/books/44", 1, **kept)
    assert saved.headers["location"] == "/c/books/44?done=saved"
    assert "Aaron" in (await ana.get("/c/books/44")).text
    assert "No one here is called" in (await ana.post("/c/books/new", data={"f1": "A", reader: "Aaron"})).text


def test_many_names_that_nobody_has_are_looked_for_in_bounded_work() -> None:
    rows = [(number, f"Person {number}", f"p{number}@acme.test", True) for number in range(1, 1001)]
    field = make_field("person", several=True)
    field.people = known_people.People(rows)
    with mock.patch.object(known_people, "find_persons", wraps=known_people.find_persons) as looked:
        for number in range(200):
            text = "\n".join(f"unknown {number} {each}" for each in range(20))
            assert field.kind.join([text], field) == text
            with pytest.raises(ValueError, match="No one here"):
                field.read(text)
        assert field.read("Person 7") == "7"
        assert field.read("p8@acme.test") == "8"
    assert looked.call_count <= known_people.MOST_LOOKED_THROUGH


async def test_who_was_removed_stays_where_they_are_and_can_not_be_chosen_anywhere_else(people: People) -> None:
    ana, reader = people["ana"], await add_field(people["ana"], several="yes")
    with_davi, without = [await add_book(ana, **{reader: name}) for name in ("Davi", "Bruno")]
    assert (await ana.post("/members/4/remove", data={"sure": "yes"})).status_code == 303
    kept = await change_book(ana, with_davi, 1, **{reader: "#4\n#2"})
    assert kept.headers["location"] == f"{with_davi}?done=saved", kept.text
    page = (await ana.get(with_davi)).text
    assert all(f'data-person="{number}"' in page for number in (2, 4))
    for given in ("#4\n#2", "Davi (#4)", "4", "Davi"):
        refused = await change_book(ana, without, 1, **{reader: given})
        assert refused.status_code == 422, given
        assert "No one here is called" in refused.text


async def test_a_copy_has_those_who_can_be_chosen_and_says_which_field_lacks_somebody(people: People) -> None:
    ana, reader = people["ana"], await add_field(people["ana"], several="yes")
    number = (await add_book(ana, **{reader: "Bruno; Carla; Davi"})).rpartition("/")[2]
    assert "were left out" not in (await ana.get(f"/c/books/new?copy={number}")).text
    assert (await ana.post("/members/4/suspend", data={"sure": "yes"})).status_code == 303
    copy = (await ana.get(f"/c/books/new?copy={number}")).text
    assert 'value="bruno@acme.test, carla@acme.test"' in copy
    assert "were left out: Reader." in copy


async def test_a_copy_has_whom_every_new_record_begins_with(people: People) -> None:
    ana, reader = people["ana"], await add_field(people["ana"], several="yes", default="Davi")
    number = (await add_book(ana, **{reader: "Bruno; Davi"})).rpartition("/")[2]
    assert (await ana.post("/members/4/suspend", data={"sure": "yes"})).status_code == 303
    copy = (await ana.get(f"/c/books/new?copy={number}")).text
    assert "were left out" not in copy
    assert (await ana.post("/c/books/new", data={"f1": "Iracema", "f6": "#1", reader: "#2\n#4"})).status_code == 303


@pytest.mark.parametrize("said", ["Davi", "davi@acme.test", "#4", "4", "Davi (#4)"])
async def test_a_guest_finds_nobody_by_a_field_of_people_whom_they_do_not_know(
    people: People, server: Server, said: str
) -> None:
    reader = await add_field(people["ana"])
    words = ("gus@acme.test", "--name", "Gus", "--role", "guest", "--password", PASSWORD)
    assert server.run("member", "add", "acme", *words).returncode == 0
    adding = {f"guest-{verb}": "yes" for verb in ("browse", "read", "add")} | {"guest-edit": "all"}
    everything = {f"member-{verb}": "yes" for verb in ("browse", "read", "add")} | {"member-edit": "all"}
    for path, form in (("guests", {"person": "gus@acme.test"}), ("permissions", adding | everything)):
        assert (await people["ana"].post(f"/c/books/{path}", data=form)).status_code == 303
    async with aclosing(server.let_in("acme", "gus@acme.test")) as gus:
        shown = await gus.post(f"/c/books/preview/{reader}", data={reader: said})
        assert "No one here is called" in shown.text
        refused = await gus.post("/c/books/new", data={"f1": "Iracema", reader: said})
        assert refused.status_code == 422
        for page in (shown, refused):
            assert not re.search("Davi|davi@", page.text.replace(said, "")), "and nothing says who that is"
        chosen = await gus.post(f"/c/books/preview/{reader}", data={reader: "Gus"})
        assert "data-person" in chosen.text


def read_people(text: str, *names: str) -> tuple[list[str], list[str]]:
    """The people that a field reads from a text, and whom it offers, where there are people of some names."""
    field = make_field("person", several=True)
    field.people = known_people.People((at, name, f"p{at}@acme.test", True) for at, name in enumerate(names, 1))
    chosen = field.kind.find_chosen(text, field)
    try:
        ids = field.read(text).split()
    except ValueError:
        assert chosen.offered or chosen.typed
        assert field.kind.join([text], field), "what was typed is kept"
        ids = []
    return [names[int(each) - 1] for each in ids], [each.name for each in chosen.offered]


@pytest.mark.parametrize(
    ("text", "means", "offered"),
    [
        ("Costa, Bia, p3@acme.test", ["Costa, Bia", "Vitor"], []),
        ("Vitor; Bia", ["Bia", "Vitor"], []),
        ("Vitor, Bia", [], ["Bia", "Vitor", "Vitor, Bia"]),
        ("p6@acme.test; Costa, Bia", ["Costa, Bia", "Ana; Vitor"], []),
        ("Ana; Vitor; Bia", ["Bia", "Ana; Vitor"], []),
        ("vit", [], ["Vitor", "Vitor, Bia", "Ana; Vitor"]),
        ("p1", [], ["Costa, Bia"]),
        ("zzz", [], []),
    ],
)
def test_only_whole_names_that_can_be_read_in_one_way_alone_are_people(
    text: str, means: list[str], offered: list[str]
) -> None:
    people = ("Costa, Bia", "Bia", "Vitor", "Vitor, Bia", "Xis", "Ana; Vitor")
    found, alike = read_people(text, *people)
    assert (sorted(found), sorted(alike)) == (sorted(means), sorted(offered))


def test_who_is_called_like_two_others_is_spelled_by_address_and_chosen_of_those_that_are_offered() -> None:
    field = make_field("person", several=True)
    names = ("Bruno", "Carla", "Bruno, Carla", "Bruno; Carla", "p1@acme.test")
    field.people = known_people.People((at, name, f"p{at}@acme.test", True) for at, name in enumerate(names, 1))
    for value in ("1", "3", "4", "5", "1 2", "1 2 3 4 5"):
        assert field.read(field.spell(value)) == value
    assert field.read("p1@acme.test") == "1", "nobody takes another one's address by a name"
    for typed in (["Bruno, Carla", "#1", "#2"], ["#1,Bruno; Carla", "#2"], ["brun", "#1", "#2"]):
        assert field.read(field.kind.join(typed, field)) == "1 2", "and what was not clear is gone with the choice"
    for typed, said in (("brun", "full name"), ("Bruno, Carla", "one name or several"), ("#1; brun", "No one here")):
        for read in (field.kind.from_json, field.kind.from_name):
            with pytest.raises(ValueError, match=said):
                field.read(read(typed, field))
    with pytest.raises(ValueError, match="full name"):
        field.read(field.kind.join(["#1,brun"], field))


async def test_a_part_of_a_name_is_nobody_in_a_form_for_a_program_and_in_a_field_that_was_text(
    people: People, server: Server
) -> None:
    ana, reader = people["ana"], await add_field(people["ana"])
    said = "“no” is not a full name. Did you mean Bruno?"
    refused = await ana.post("/c/books/new", data={"f1": "A", reader: "no"})
    assert refused.status_code == 422
    assert said in refused.text
    assert f'type="radio" name="{reader}" value="#2"' in refused.text
    assert 'value="no"' in refused.text
    picked = await ana.post("/c/books/new", data={"f1": "A", reader: ["no", "#2"]})
    assert 'data-person="2"' in (await ana.get(picked.headers["location"])).text
    address = await add_book(ana, f7="no")
    preview = (await ana.get("/c/books/fields/f7/kind?kind=person")).text
    assert said in preview
    changed = await ana.post("/c/books/fields/f7/kind", data={"kind": "person", "action": "change"})
    assert changed.status_code == 303, changed.text
    assert 'data-person="2"' not in (await ana.get(address)).text
