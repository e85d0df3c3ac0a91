"""Choosing people and rooms: by letters while one types, and by what was typed where there are no scripts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest
from limits import RateLimitItemPerMinute
from sqlalchemy import select

from app.accounts import choosing
from app.accounts.choosing import (
    MOST_CHOSEN,
    OFFERED,
    Candidate,
    ChoosingLimit,
    find_meant,
    find_persons,
    offer_persons,
    read_chosen,
)
from app.accounts.members import Member, add_member
from app.chat.text.names import EVERYBODY_WORDS
from app.database import Database
from app.folding import fold
from app.web.errors import PageError
from app.web.forms import Form
from app.web.limits import Windows
from app.web.paging import page_of
from app.web.texts import LANGUAGES
from tests.conftest import Server
from tests.test_isolation import SETTINGS

ACME = 1
PEOPLE = [
    Candidate(number, name, f"{fold(name).split()[0]}{number}@acme.test", fold(name))
    for number, name in enumerate(("Ana Lima", "Ana Souza", "Bruno", "Ângela", "Joana, da Silva"), start=1)
]


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as client:
        yield client


def names(found: list[Candidate]) -> list[str]:
    return [person.name for person in found]


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("#2", ["Ana Souza"]),
        ("2", []),
        ("BRUNO3@acme.test", ["Bruno"]),
        ("bruno", ["Bruno"]),
        ("angela", ["Ângela"]),
        ("ana", []),
        ("Joana, da Silva", ["Joana, da Silva"]),
        ("souza", []),
        ("zzz", []),
        ("  ", []),
        ("#99", []),
    ],
)
def test_a_text_means_those_of_that_id_address_or_whole_name(text: str, means: list[str]) -> None:
    assert names(find_meant(PEOPLE, text)) == means


def test_who_is_called_so_from_the_start_comes_first() -> None:
    assert names(find_persons(PEOPLE, "an")) == ["Ana Lima", "Ana Souza", "Ângela", "Joana, da Silva"]


def test_a_field_keeps_what_is_not_clear_and_offers_whom_it_may_mean() -> None:
    form = Form([("person", "Bruno, ana, Nobody; #4"), ("person", "Joana, da Silva")])
    chosen = read_chosen(form, "person", PEOPLE)
    assert names(chosen.people) == ["Bruno", "Ângela", "Joana, da Silva"]
    assert names(chosen.offered) == ["Ana Lima", "Ana Souza"]
    assert chosen.typed == ["Nobody"]
    assert "person" in form.errors
    assert chosen.text == "bruno3@acme.test, angela4@acme.test, joana,5@acme.test, Nobody"


NAMESAKES = [
    Candidate(number, name, f"p{number}@acme.test", fold(name))
    for number, name in enumerate(("Costa, Bia", "Bia", "Vitor", "9", "Costa; Bia, Ana"), start=6)
]


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("Costa, Bia, p8@acme.test", ["Costa, Bia", "Vitor"]),
        ("Vitor; costa,  bia", ["Vitor", "Costa, Bia"]),
        ("Costa; Bia, Ana", ["Costa; Bia, Ana"]),
        ("Bia, 9", ["Bia", "9"]),
        ("#9,#6,Bia", ["9", "Costa, Bia", "Bia"]),
        ("Vitor\nBia", ["Vitor", "Bia"]),
        ("#7,Costa, Bia", ["Bia", "Costa, Bia"]),
    ],
)
def test_a_name_with_a_comma_is_taken_in_whole_and_a_number_is_a_name(typed: str, means: list[str]) -> None:
    form = Form([("person", typed)])
    assert names(read_chosen(form, "person", NAMESAKES).people) == means
    assert not form.errors


BOTH_WAYS = [
    Candidate(number, name, f"b{number}@acme.test", fold(name))
    for number, name in enumerate(("Bruno", "Carla", "Bruno, Carla", "Carla; #4", "Davi", "Carla, Davi", "Eva, Eva"), 2)
]


@pytest.mark.parametrize(
    ("typed", "means", "offered"),
    [
        ("Bruno, Carla", [], ["Bruno, Carla", "Bruno", "Carla"]),
        ("bruno,  carla; Davi", ["Davi"], ["Bruno, Carla", "Bruno", "Carla"]),
        ("Bruno,Carla", ["Bruno", "Carla"], []),
        ("Bruno; Carla", ["Bruno", "Carla"], []),
        ("#2,#3", ["Bruno", "Carla"], []),
        ("#4", ["Bruno, Carla"], []),
        ("b4@acme.test", ["Bruno, Carla"], []),
        ("Carla; #4", [], ["Carla; #4", "Carla", "Bruno, Carla"]),
        ("Bruno, Carla, Davi", [], ["Bruno, Carla", "Carla, Davi", "Bruno", "Carla", "Davi"]),
        ("Eva, Eva", ["Eva, Eva"], []),
        ("Eva, Eva, Eva", [], ["Eva, Eva"]),
    ],
)
def test_what_can_be_read_as_one_name_and_as_several_means_nobody_and_all_are_offered(
    typed: str, means: list[str], offered: list[str]
) -> None:
    for by_parts in (False, True):
        form = Form([("person", typed)])
        chosen = read_chosen(form, "person", BOTH_WAYS, by_parts=by_parts)
        assert (names(chosen.people), names(chosen.offered)) == (means, offered)
        assert ("person" in form.errors) == bool(offered)


def test_while_two_names_are_typed_those_are_offered_before_who_is_called_by_both() -> None:
    assert names(offer_persons(BOTH_WAYS, "bruno, carla")) == ["Bruno", "Carla", "Bruno, Carla"]
    assert names(offer_persons(BOTH_WAYS, "Bruno, Car")) == ["Bruno", "Bruno, Carla"]
    assert names(offer_persons(BOTH_WAYS, "Bruno, Zoe")) == [], "so that what is typed stays"
    assert len(offer_persons(BOTH_WAYS * 9, ",")) <= OFFERED


def test_a_part_of_a_name_chooses_nobody_where_somebody_is_let_in_by_it() -> None:
    form = Form([("person", "Souza")])
    chosen = read_chosen(form, "person", PEOPLE)
    assert (names(chosen.people), names(chosen.offered)) == ([], ["Ana Souza"])
    assert "person" in form.errors
    searched = Form([("author", "Souza")])
    assert names(read_chosen(searched, "author", PEOPLE, by_parts=True).people) == ["Ana Souza"]
    assert not searched.errors


def test_a_number_that_is_nobody_s_name_is_not_an_id() -> None:
    form = Form([("person", "7")])
    assert read_chosen(form, "person", NAMESAKES).typed == ["7"]
    assert form.errors


def test_a_field_takes_some_people_and_not_any_number_of_them() -> None:
    form = Form([("person", ",".join(["Bruno"] * (MOST_CHOSEN + 1)))])
    assert read_chosen(form, "person", PEOPLE).people == []
    assert form.errors


def test_a_list_is_searched_and_paged() -> None:
    items = [f"Room {number:03d}" for number in range(120)]
    assert (page_of(items, "2").items[0], page_of(items, "9").page, page_of(items, "x").page) == ("Room 050", 3, 1)
    found = page_of(items, "1", query="ROOM  01", text_of=str)
    assert (found.count, found.address(2)) == (12, "?q=ROOM+01&page=2")


async def test_people_are_found_by_letters_and_none_of_another_workspace(ana: httpx.AsyncClient) -> None:
    found = (await ana.get("/choices/people?q=CAR")).json()
    assert [choice["text"] for choice in found] == ["Carla"]
    assert (await ana.get("/choices/people?q=gil")).json() == []
    assert [each["value"] for each in (await ana.get("/choices/rooms?q=gene")).json()] == ["general"]


async def test_names_for_a_mention_are_those_of_who_is_in_a_private_room(ana: httpx.AsyncClient) -> None:
    slug = (await ana.post("/chat/new", data={"name": "Vault for two", "private": "yes"})).headers["location"][6:]

    async def offered(query: str) -> list[str]:
        return [choice["value"] for choice in (await ana.get(f"/choices/mentions?{query}")).json()]

    assert await offered(f"room={slug}&q=") == ["Ana", "room"]
    assert await offered("room=general&q=") == ["Ana", "Bruno", "Carla", "Davi", "room"]
    assert await offered("room=general&q=br") == ["Bruno"]
    assert [await offered(f"room=general&q={begun}") for begun in ("ro", "every", "sa", "to")] == [
        ["room"],
        ["everyone"],
        ["sala"],
        ["todos"],
    ]
    assert (await ana.get("/choices/people?q=ana&outside=" + slug)).json() == []


def test_every_language_has_its_words_for_everybody() -> None:
    assert set(EVERYBODY_WORDS) == set(LANGUAGES)


async def test_everybody_is_offered_by_the_word_of_the_workspace_s_language(shared_server: Server) -> None:
    settings = {"name": "Globex", "session_days": "30"}
    async with aclosing(await shared_server.sign_in("globex", "gil@globex.test")) as gil:
        assert (await gil.post("/settings", data={**settings, "language": "pt_BR"})).status_code == 303
        offered = [each["value"] for each in (await gil.get("/choices/mentions?room=general&q=")).json()]
        await gil.post("/settings", data={**settings, "language": "en"})
    assert "sala" in offered
    assert not {"room", "everyone"} & {*offered}


async def test_bots_are_marked_where_a_name_is_completed(ana: httpx.AsyncClient) -> None:
    assert (await ana.post("/settings/apps", data={"name": "Zeppelin", "role": "member"})).status_code == 200
    offered = (await ana.get("/choices/mentions?room=general&q=zep")).json()
    assert offered == [{"value": "Zeppelin", "text": "Zeppelin", "note": "bot"}]
    assert (await ana.get("/choices/mentions?room=general&q=car")).json()[0]["note"] == ""


async def test_what_is_offered_of_a_private_room_is_for_who_is_in_it(
    ana: httpx.AsyncClient, shared_server: Server
) -> None:
    slug = (await ana.post("/chat/new", data={"name": "Hidden vault", "private": "yes"})).headers["location"][6:]
    async with aclosing(await shared_server.sign_in("acme", "davi@acme.test")) as davi:
        for path in (f"/choices/mentions?room={slug}", f"/choices/people?outside={slug}"):
            assert (await davi.get(path)).status_code == 404
        assert (await davi.get("/choices/rooms?q=hidden")).json() == []
    async with aclosing(shared_server.client("acme")) as nobody:
        assert (await nobody.get("/choices/people?q=a")).status_code in (303, 401)


async def test_names_that_are_typed_open_a_direct_room(ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/direct", data={"person": "bruno, carla@acme.test"})
    assert made.status_code == 303
    page = (await ana.get(made.headers["location"])).text
    assert "Bruno" in page
    assert "Carla" in page


async def test_a_name_that_nobody_has_is_said_beside_the_field_and_kept(ana: httpx.AsyncClient) -> None:
    refused = await ana.post("/chat/direct", data={"person": "Bruno, Nobody <b>"})
    assert refused.status_code == 422
    assert "No one here is called" in refused.text
    assert 'value="bruno@acme.test, Nobody &lt;b&gt;"' in refused.text
    assert (await ana.post("/chat/direct", data={"person": "#999999"})).status_code == 404


async def test_of_several_the_choice_is_offered_and_what_is_chosen_goes_with_the_rest(
    ana: httpx.AsyncClient, shared_server: Server
) -> None:
    database = Database(shared_server.store.url)
    async with database.write(ACME) as transaction:
        for number in range(OFFERED + 2):
            email = f"twin{number}@acme.test"
            await add_member(transaction, email=email, name="Twin", role="member", password_hash="x")
        twin = await transaction.scalar(select(Member.id).where(Member.email == "twin3@acme.test"))
    await database.close()
    asked = await ana.post("/chat/direct", data={"person": "Bruno, Twin"})
    assert asked.status_code == 422
    assert asked.text.count('type="checkbox" name="person"') == OFFERED
    assert f'name="person" value="#{twin}"' in asked.text
    made = await ana.post("/chat/direct", data={"person": ["bruno@acme.test", f"#{twin}"]})
    assert made.status_code == 303


async def test_who_is_called_like_two_others_gets_into_a_room_by_their_own_address_alone(
    ana: httpx.AsyncClient, shared_server: Server
) -> None:
    both = "Bruno, Carla"
    async with aclosing(await shared_server.sign_in("acme", "davi@acme.test")) as davi:
        assert (await davi.post("/account/name", data={"name": both})).status_code == 303
        slug = (await ana.post("/chat/new", data={"name": "Both ways", "private": "yes"})).headers["location"][6:]
        for path in (f"/chat/{slug}/invite", "/chat/direct"):
            refused = await ana.post(path, data={"person": both})
            assert refused.status_code == 422
            assert "could be one name or several" in refused.text
            assert re.findall(r'type="checkbox" name="person" value="#(\d)"', refused.text) == ["4", "2", "3"]
        assert (await davi.get(f"/chat/{slug}")).status_code == 404
        invited = await ana.post(f"/chat/{slug}/invite", data={"person": ["", "#2", "#3"]})
        assert invited.headers["location"].endswith("about=2,3")
        assert (await ana.post(f"/chat/{slug}/invite", data={"person": "davi@acme.test"})).status_code == 303
        assert (await davi.get(f"/chat/{slug}")).status_code == 200
        assert (await davi.post("/account/name", data={"name": "Davi"})).status_code == 303


async def test_searching_takes_names_of_rooms_and_people(ana: httpx.AsyncClient) -> None:
    found = await ana.get("/chat/search?room=General&author=davi")
    assert found.status_code == 200
    assert 'class="hit"' in found.text
    for query in ("room=nowhere+at+all", "author=nobody+at+all"):
        refused = await ana.get(f"/chat/search?{query}")
        assert refused.status_code == 422
        assert re.search(r'class="error"', refused.text)


async def test_names_are_looked_up_only_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "LOOK_UPS_A_MINUTE", RateLimitItemPerMinute(2))
    limit = ChoosingLimit(Windows(SETTINGS))
    member = Member(id=1, tenant_id=1)
    for _ in range(2):
        await limit.check(member)
    with pytest.raises(PageError) as refused:
        await limit.check(member)
    assert refused.value.status_code == 429
    await limit.check(Member(id=2, tenant_id=1))
