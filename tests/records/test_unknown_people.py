"""Who can't be chosen, as they were suspended or a guest does not know them: records keep them, by name and number, and
nothing else is said of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest

from app.demo import PASSWORD
from app.records.kinds.known_people import People
from tests.conftest import Server
from tests.fields import make_field
from tests.sent_forms import read_form

Clients = dict[str, httpx.AsyncClient]
ADDRESSES = re.compile(r"[\w.]+@acme\.test")
READER = {"label": "Reader", "kind": "person", "several": "yes"}


@pytest.fixture
async def clients(server: Server) -> AsyncIterator[Clients]:
    """An owner, and a guest who may do everything in the books, and is in no room."""
    words = ("gus@acme.test", "--name", "Gus", "--role", "guest", "--password", PASSWORD)
    assert server.run("member", "add", "acme", *words).returncode == 0
    async with AsyncExitStack() as stack:
        found = {
            name: await stack.enter_async_context(aclosing(server.let_in("acme", f"{name}@acme.test")))
            for name in ("ana", "gus")
        }
        verbs = {f"guest-{verb}": "yes" for verb in ("browse", "read", "add")} | {"guest-edit": "all"}
        await send(found["ana"], "/c/books/guests", person="gus@acme.test")
        await send(found["ana"], "/c/books/permissions", **verbs)
        yield found


async def send(client: httpx.AsyncClient, path: str, status: int = 303, **data: str) -> httpx.Response:
    answer = await client.post(path, data=data)
    assert answer.status_code == status, answer.text
    return answer


async def add_field(ana: httpx.AsyncClient, **more: str) -> str:
    """Give the books a field of people; its ref."""
    await send(ana, "/c/books/fields", **READER, **more)
    return re.findall(r'id="field-(f\d+)"', (await ana.get("/c/books/new")).text)[-1]


async def open_form(client: httpx.AsyncClient, address: str) -> dict[str, str]:
    """The form of a record, as one sends it who has no scripts and touches nothing but the title."""
    page = (await client.get(f"{address}/edit")).text
    return read_form(page, "/edit", having="f1") | {"f1": "Another title"}


async def open_field(ana: httpx.AsyncClient, ref: str) -> dict[str, str]:
    """The form of a field, as it stands."""
    page = (await ana.get(f"/c/books/fields/{ref}")).text
    return read_form(page, f"/fields/{ref}", having="default")


async def add_book(ana: httpx.AsyncClient, reader: str, people: str) -> str:
    added = await send(ana, "/c/books/new", f1="Iracema", f6="#1", **{reader: people})
    return added.headers["location"].partition("?")[0]


def list_strangers(page: httpx.Response) -> list[str]:
    """Whom a page names, or writes the address of, who is none of Gus's acquaintances."""
    addresses = set(ADDRESSES.findall(page.text)) - {"gus@acme.test"}
    return sorted(addresses | {name for name in ("Bruno", "Carla", "Davi") if name in page.text})


async def test_a_guest_saves_who_is_chosen_and_unknown_to_them_and_sees_no_address(clients: Clients) -> None:
    reader = await add_field(clients["ana"])
    address, gus = await add_book(clients["ana"], reader, "Davi, Carla"), clients["gus"]
    edit = await gus.get(f"{address}/edit")
    assert list_strangers(edit) == ["Carla", "Davi"], "by name, and without an address"
    form = read_form(edit.text, "/edit", having="f1") | {"f1": "Another title"}
    assert sorted(form[reader].split(", ")) == ["Carla (#3)", "Davi (#4)"]
    refused = await send(gus, f"{address}/edit", 422, **form | {"f1": ""})
    assert not ADDRESSES.findall(refused.text.replace("gus@acme.test", ""))
    saved = await send(gus, f"{address}/edit", **form)
    assert saved.headers["location"] == f"{address}?done=saved"
    assert list_strangers(await gus.get(address)) == ["Carla", "Davi"]


async def test_numbers_tell_a_guest_nobodys_name(clients: Clients) -> None:
    ana, gus, reader = clients["ana"], clients["gus"], await add_field(clients["ana"])
    address = await add_book(ana, reader, "Davi")
    form = await open_form(gus, address)
    guessed = form | {reader: "#2\n#3\n#4"}
    assert list_strangers(await send(gus, f"{address}/edit", 422, **guessed)) == ["Davi"]
    draft = await gus.get(f"{address}/draft")
    assert list_strangers(draft) == ["Davi"], "whom the record has"
    assert "#2; #3; Davi" in draft.text
    conflict = await send(gus, f"{address}/edit", 409, **guessed | {"version": "99"})
    assert "#2; #3; Davi" in conflict.text
    assert list_strangers(conflict) == ["Davi"]
    await send(ana, f"/c/books/fields/{reader}", **await open_field(ana, reader) | {"read_only_for": "guest"})
    for answer in (await gus.get(f"{address}/draft"), await gus.post(f"{address}/edit", data=guessed)):
        assert list_strangers(answer) == ["Davi"], answer.text
    await send(ana, f"/c/books/fields/{reader}/kind", kind="text", action="change")
    for page in ("draft", "edit"):
        assert not {"Bruno", "Carla"} & set(list_strangers(await gus.get(f"{address}/{page}"))), page


async def test_who_was_suspended_stays_in_a_form_without_scripts(clients: Clients) -> None:
    ana, reader = clients["ana"], await add_field(clients["ana"])
    address = await add_book(ana, reader, "Davi, Carla")
    opened = await open_form(ana, address)
    assert "davi@acme.test" in opened[reader]
    await send(ana, "/members/4/suspend")
    assert (await send(ana, f"{address}/edit", **opened)).headers["location"] == f"{address}?done=saved"
    later = await open_form(ana, address)
    assert sorted(later[reader].split(", ")) == ["Davi (#4)", "carla@acme.test"]
    later["f1"] = "One more title"
    assert (await send(ana, f"{address}/edit", **later)).headers["location"] == f"{address}?done=saved"
    other = await add_book(ana, reader, "Carla")
    form = await open_form(ana, other)
    for written in ("Davi (#4)", "davi@acme.test", "#4"):
        refused = await send(ana, f"{other}/edit", 422, **form | {reader: written})
        assert "No one here is called" in refused.text


async def test_a_default_who_can_not_be_chosen_any_more_stands_in_no_ones_way(clients: Clients) -> None:
    ana, gus = clients["ana"], clients["gus"]
    reader = await add_field(ana, default="Davi")
    new = await gus.get("/c/books/new")
    assert 'value="Davi (#4)"' in new.text
    assert list_strangers(new) == ["Davi"]
    added = await send(gus, "/c/books/new", f1="Iracema", f6="#1", **{reader: "Davi (#4)"})
    assert 'data-person="4"' in (await gus.get(added.headers["location"])).text
    await send(ana, "/members/4/suspend")
    for default in ("Davi (#4)", "#4"):
        about = await open_field(ana, reader) | {"default": default, "help": f"It was {default}"}
        await send(ana, f"/c/books/fields/{reader}", **about)
    assert 'value="Davi (#4)"' in (await ana.get(f"/c/books/fields/{reader}")).text
    assert 'value="Davi (#4)"' in (await ana.get("/c/books/new")).text


def test_who_is_kept_is_read_as_they_are_written_whatever_they_are_called() -> None:
    field = make_field("person", several=True)
    names = ("Ana", "Silva, Bia; Lima", "Zé (#1)", ";")
    rows = [(at, name, f"p{at}@acme.test", at == 1) for at, name in enumerate(names, 1)]
    for unknown in ((), (2, 3, 4)):
        field.people = People(rows, unknown)
        written = field.kind.find_chosen(field.write("1 2 3 4"), field, "1 2 3 4").text
        assert field.read(field.kind.join([written], field), "1 2 3 4") == "1 2 3 4"
        assert field.read("#1; Silva Bia Lima (#2)", "2") == "1 2"
    field.people = People(rows)
    assert field.read("p2@acme.test", "2") == "2"
    assert field.describe_typed("#2\n#3") == "Silva, Bia; Lima; Zé (#1)"
    field.people = People(rows, (2, 3, 4))
    assert field.describe_typed("#2\n#3", "3") == "#2; Zé (#1)"
    with pytest.raises(ValueError, match="No one here"):
        field.read("p2@acme.test", "2")  # whoever guesses an address does not learn whether it is right


async def test_a_guest_is_told_who_edits_by_name_and_number_and_finds_nobody_by_that(
    clients: Clients, server: Server
) -> None:
    gus, scopes = clients["gus"], ["records:read", "records:write", "people:read"]
    made = await gus.post("/account/tokens", data={"name": "nightly", "scopes": scopes})
    token = {"authorization": f"Bearer {re.findall(r'mut_[A-Za-z0-9]+', made.text)[0]}"}
    added = await send(clients["ana"], "/c/books/new", f1="Iracema", f6="#1")
    book = added.headers["location"].partition("?")[0]
    async with aclosing(server.let_in("acme", "bruno@acme.test")) as bruno:
        assert "/lock/release" in (await bruno.get(f"{book}/edit")).text
    shown = await gus.get(book)
    assert "Bruno has been editing" in shown.text
    assert re.findall(r'-lock" class="lock" role="status"([^>]*)>', shown.text) == [' data-holder="2"']
    held = await gus.post(f"/api/v1/collections/books/records/{book.rpartition('/')[2]}/lock", headers=token, json={})
    assert held.status_code == 423
    assert held.json()["holder"] == {"id": 2, "name": "Bruno", "bot": False, "program": None}
    for answer in (shown, held):
        assert not ADDRESSES.findall(answer.text.replace("gus@acme.test", ""))
    assert (await gus.get("/api/v1/members/2", headers=token)).status_code == 404
    assert [each["name"] for each in (await gus.get("/api/v1/members", headers=token)).json()["items"]] == ["Gus"]


async def test_who_is_let_in_later_is_told_by_the_log_what_a_removed_field_had(
    clients: Clients, server: Server
) -> None:
    ana, gus = clients["ana"], clients["gus"]
    guest = server.store.rows("SELECT id FROM member WHERE email = 'gus@acme.test'")[0][0]
    await send(ana, "/c/books/guests/remove", person=str(guest))
    made = await send(ana, "/c/books/new", f1="Iracema", f6="#1", f7="Bought with the prize money")
    await send(ana, "/c/books/fields/f7", action="remove")
    await send(ana, "/c/books/guests", person="gus@acme.test")
    assert "prize money" not in (await gus.get(made.headers["location"])).text
    made = await gus.post("/account/tokens", data={"name": "nightly", "scopes": "records:read"})
    token = {"authorization": f"Bearer {re.findall(r'mut_[A-Za-z0-9]+', made.text)[0]}"}
    told = await gus.get("/api/v1/events?after=0", headers=token)
    assert "prize money" in told.text
