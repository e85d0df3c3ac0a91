"""Rooms' pages asked for what makes no sense: a clear answer, and never our fault."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from tests.conftest import Server

BEYOND = 2**63


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as client:
        yield client


@pytest.mark.parametrize("number", [BEYOND, 10**30])
@pytest.mark.parametrize(
    "path",
    ["/files/{}", "/files/{}/preview", "/chat/general/messages/{}/edit", "/chat/general/messages/{}/history"],
)
async def test_a_number_beyond_all_numbers_is_of_nothing(ana: httpx.AsyncClient, path: str, number: int) -> None:
    assert (await ana.get(path.format(number))).status_code == 404


async def test_an_emoji_is_given_or_taken_as_the_page_says_however_often_it_is_sent(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi:
        posted = await davi.post("/chat/general", data={"text": "Look", "key": "emoji twice"}, headers={"x-page": "1"})
        me = shared_server.store.rows("SELECT id FROM member WHERE email = 'davi@acme.test'")[0][0]

        async def given(**sent: str) -> int:
            address = f"/chat/general/messages/{posted.json()['number']}/react"
            assert (await davi.post(address, data={"emoji": "🎉", **sent})).status_code == 303
            found = f"SELECT count(*) FROM reaction WHERE message_id = {posted.json()['id']}"
            return int(shared_server.store.rows(found)[0][0])

        for sent, count in (
            ({"on": "1"}, 1),
            ({"on": ""}, 0),
            ({"given-by": "1 999"}, 1),
            ({"given-by": f"1 {me}"}, 0),
        ):
            assert [await given(**sent), await given(**sent)] == [count, count], sent
        assert [await given(), await given()] == [1, 0]


@pytest.mark.parametrize("what", ["edit", "delete", "react"])
async def test_nothing_is_done_to_a_message_beyond_all_numbers(ana: httpx.AsyncClient, what: str) -> None:
    answer = await ana.post(f"/chat/general/messages/{BEYOND}/{what}", data={"text": "x", "emoji": "👍"})
    assert answer.status_code == 404


@pytest.mark.parametrize("query", ["at=99999", "after=9999", "before=1", "before=0", f"at={BEYOND}", "at=x", "at=-1"])
async def test_a_place_where_nothing_was_said_shows_what_is_nearest(ana: httpx.AsyncClient, query: str) -> None:
    answer = await ana.get(f"/chat/general?{query}")
    assert answer.status_code == 200
    assert 'class="message' in answer.text


async def test_an_empty_room_is_a_page(ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/new", data={"name": "Nothing said"})
    for query in ("", "?at=5", "?after=5", "?before=5"):
        assert (await ana.get(made.headers["location"] + query)).status_code == 200


async def test_a_refused_answer_still_answers(ana: httpx.AsyncClient) -> None:
    page = (await ana.get("/chat/general")).text
    message_id, number = re.findall(r'id="message-(\d+)"[^>]*data-number="(\d+)"', page)[-1]
    reply = f'name="reply" value="{message_id}"'
    assert reply in (await ana.get(f"/chat/general?reply={number}")).text
    refused = await ana.post("/chat/general", data={"text": "", "key": "empty answer", "reply": message_id})
    assert refused.status_code == 422
    assert reply in refused.text


async def test_what_is_answered_is_shown_without_its_markup(ana: httpx.AsyncClient) -> None:
    await ana.post("/chat/general", data={"text": "On **Thursday**, see `books` @Carla", "key": "bold"})
    page = (await ana.get("/chat/general")).text
    number = re.findall(r'id="message-\d+"[^>]*data-number="(\d+)"', page)[-1]
    answering = (await ana.get(f"/chat/general?reply={number}")).text
    assert "<span data-answered>Ana: On Thursday, see books @Carla</span>" in answering


async def test_an_unknown_way_of_being_told_is_refused_beside_the_choice(ana: httpx.AsyncClient) -> None:
    answer = await ana.post("/chat/general/notify", data={"notify": "sometimes"})
    assert answer.status_code == 422
    assert "Choose one of these." in answer.text


@pytest.mark.parametrize("what", ["notify", "invite", "about"])
async def test_a_form_that_is_not_there_for_somebody_refuses_them_and_not_their_values(
    ana: httpx.AsyncClient, shared_server: Server, what: str
) -> None:
    made = await ana.post("/chat/new", data={"name": f"Not {what}"})
    carla = await shared_server.sign_in("acme", "carla@acme.test")
    answer = await carla.post(f"{made.headers['location']}/{what}", data={"name": "", "person": "", "notify": "often"})
    await carla.aclose()
    assert answer.status_code == 403
    assert "Only people in the room can change it." in answer.text


@pytest.mark.parametrize("text", ["See #99999999999999999999", "See books#9223372036854775808"])
async def test_a_reference_beyond_all_numbers_stays_text(ana: httpx.AsyncClient, text: str) -> None:
    answer = await ana.post("/chat/general", data={"text": text, "key": f"beyond {text}"}, headers={"x-page": "1"})
    assert answer.status_code == 200
    assert text in (await ana.get("/chat/general")).text


async def test_a_search_goes_on_to_older_messages(ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/new", data={"name": "Long"})
    for number in range(52):
        await ana.post(made.headers["location"], data={"text": f"saxophone {number}", "key": f"saxophone {number}"})
    first = await ana.get("/chat/search?q=saxophone")
    assert "Older messages" in first.text
    assert first.text.count('class="hit"') == 50
    link = first.text.split('href="/chat/search?q=saxophone&amp;')[1].split('"')[0].replace("&amp;", "&")
    older = await ana.get(f"/chat/search?q=saxophone&{link}")
    assert older.text.count('class="hit"') == 2
    assert "Older messages" not in older.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("author=3", ["That one is with my neighbour"]),
        ("author=3&q=neighbour", ["That one is with my <mark>neighbour</mark>"]),
        ("author=3&q=binder", []),
        ("room=general&until=2000-01-01", []),
        ("since=2000-01-01&room=general", ["take it to the binder", "Good morning!"]),
        ("q=%3F%3F&room=general", []),
        ("", []),
    ],
)
async def test_messages_are_found_without_words_too(ana: httpx.AsyncClient, query: str, found: list[str]) -> None:
    answer = await ana.get(f"/chat/search?{query}")
    assert answer.status_code == 200
    assert ('class="hit"' in answer.text) == bool(found)
    assert all(text in answer.text for text in found)


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "9999-12-31", "0001-01-01"])
async def test_what_is_no_day_is_said_beside_it(ana: httpx.AsyncClient, day: str) -> None:
    answer = await ana.get("/chat/search", params={"q": "shelf", "until": day})
    assert answer.status_code == 422
    assert "This is not a date." in answer.text
    assert f'value="{day}"' in answer.text


async def test_a_search_in_a_room_that_one_is_not_in_says_so(shared_server: Server, ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/new", data={"name": "Open to all"})
    slug = made.headers["location"].rpartition("/")[2]
    async with aclosing(await shared_server.sign_in("acme", "davi@acme.test")) as davi:
        answer = await davi.get(f"/chat/search?room={slug}")
        assert f'values="[&#34;{slug}&#34;]"' in answer.text
        assert 'value="Open to all"' in answer.text


async def test_a_page_that_asks_by_itself_gets_words_and_no_page(shared_server: Server, ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/new", data={"name": "Closed soon"})
    room = made.headers["location"]
    await ana.post(f"{room}/archive", data={"archived": "yes"})
    call = {"x-page": "1"}
    async with aclosing(shared_server.client("acme")) as nobody:
        for client, path, status, words in (
            (ana, room, 403, "This room is archived"),
            (ana, "/chat/no-such-room", 404, "doesn't exist"),
            (nobody, "/chat/general", 401, "Sign in again; what you typed is kept."),
        ):
            answer = await client.post(path, data={"text": "Hello", "key": "words"}, headers=call)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "text/plain; charset=utf-8")
            assert words in answer.text


async def test_what_was_typed_is_shown_where_one_may_only_read_by_now_to_who_typed_it_alone(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    room = (await ana.post("/chat/new", data={"name": "Closed on what is typed"})).headers["location"]
    (record,) = shared_server.store.rows("SELECT id FROM record WHERE tenant_id = 1 AND number = 8")[0]
    about = f"/discussion/record-{record}"
    typed, discard = '<textarea id="unsent-text" readonly', f'action="{room}/draft/discard"'
    async with (
        aclosing(await shared_server.sign_in("acme", "davi@acme.test")) as davi,
        aclosing(await shared_server.sign_in("acme", "bruno@acme.test")) as bruno,
    ):
        for path in (room, about):
            await davi.post(f"{path}/draft", data={"text": "  Half a\nthought", "key": f"davi {path}"[-20:]})
        assert typed not in (await davi.get(room)).text
        await ana.post(f"{room}/archive", data={"archived": "yes"})
        first = (await davi.get(room)).text
        for page in (first, await undo(davi, await davi.post(f"{room}/draft/discard"))):
            assert typed in page
            assert ">\n  Half a\nthought</textarea>" in page
            assert discard in page
        assert "Half a" not in (await bruno.get(room)).text
        refused = await davi.post(room, data={"text": "Sent too late", "key": "too-late"})
        assert refused.status_code == 403
        assert "Sent too late" in refused.text
        await ana.post(f"{room}/archive", data={"archived": ""})
        assert ">  Half a\nthought</textarea>" in (await davi.get(room)).text
        await ana.post("/members/4/role", data={"role": "viewer"})
        for path in (room, "/c/books/8"):
            page = (await davi.get(path)).text
            assert typed in page
            assert ">\n  Half a\nthought</textarea>" in page
            assert "Half a" not in (await bruno.get(path)).text
        await davi.post(f"{about}/draft/discard")
        assert "Half a" not in (await davi.get("/c/books/8")).text
        shared_server.store.rows("UPDATE member SET role = 'member' WHERE id = 4")


async def undo(client: httpx.AsyncClient, answer: httpx.Response) -> str:
    """The page that taking an act back leads to, of whose answer the page offers it."""
    page = (await client.get(answer.headers["location"])).text
    assert "Draft discarded." in page
    found = re.search(r'action="(/undo/\d+)"', page)
    assert found
    return (await client.get((await client.post(found[1])).headers["location"])).text


async def test_a_key_that_is_used_up_is_answered_with_what_is_stored(ana: httpx.AsyncClient) -> None:
    call = {"x-page": "1"}
    assert (await ana.post("/chat/general", data={"text": "Once", "key": "used"}, headers=call)).status_code == 200
    for path in ("/chat/general", "/chat/general/draft"):
        answer = await ana.post(path, data={"text": "Once, and more", "key": "used"}, headers=call)
        assert answer.status_code == 409
        assert answer.json()["text"] == "Once"
    page = await ana.post("/chat/general", data={"text": "Once, and more", "key": "used"})
    assert page.status_code == 409
    assert "was already sent" in page.text
    assert ">Once, and more</textarea>" in page.text
    assert 'name="key" value="used"' not in page.text


async def test_eleven_files_are_refused_and_none_is_left_out_in_silence(ana: httpx.AsyncClient) -> None:
    files = [("file", (f"{number}.txt", b"words")) for number in range(10)]
    brought = [await ana.post("/chat/general/files", files=files[:count]) for count in (9, 2)]
    ids = [part.partition('"')[0] for answer in brought for part in answer.text.split('name="file" value="')[1:]]
    assert len(ids) == 11
    form: dict[str, object] = {"text": "", "key": "eleven"}
    call = {"x-page": "1"}
    refused = await ana.post("/chat/general", data=form | {"file": ids}, headers=call)
    assert (refused.status_code, refused.text) == (422, "A message can have up to 10 files.")
    sent = await ana.post("/chat/general", data=form | {"file": ids[:10]}, headers=call)
    assert sent.status_code == 200


async def test_a_picture_that_cannot_be_cleaned_is_refused_in_words(ana: httpx.AsyncClient) -> None:
    call = {"x-page": "1"}
    for name, content in (("photo.jpg", b"\xff\xd8\xff\xe1 cut off"), ("photo.heic", b""), ("a", b"8BPS\0\1")):
        refused = await ana.post("/chat/general/files", files={"file": (name, content)}, headers=call)
        assert (refused.status_code, refused.headers["content-type"]) == (422, "text/plain; charset=utf-8")
        assert refused.text.startswith("This picture is damaged, or its hidden data")


@pytest.mark.parametrize(("name", "shown"), [("\u202egnissim \u2066b", "gnissim b"), ("a\x07\x00b", "ab")])
async def test_a_name_keeps_nothing_that_turns_other_text_around(ana: httpx.AsyncClient, name: str, shown: str) -> None:
    made = await ana.post("/chat/new", data={"name": name})
    assert f"<h1># {shown}</h1>" in (await ana.get(made.headers["location"])).text


@pytest.mark.parametrize("name", ["\u200b", "\u202e", "\ufeff \u2060"])
async def test_a_name_that_nobody_can_see_is_empty(ana: httpx.AsyncClient, name: str) -> None:
    made = await ana.post("/chat/new", data={"name": name})
    assert made.status_code == 422
    assert "can&#39;t be empty" in made.text


@pytest.mark.parametrize("text", ["#99999", "http://{host}/c/books/99999", "[words](http://{host}/c/books/99999)"])
async def test_a_record_that_is_not_there_stays_text(shared_server: Server, ana: httpx.AsyncClient, text: str) -> None:
    typed = text.format(host=shared_server.host("acme"))
    await ana.post("/chat/general", data={"text": typed, "key": f"missing {text}"[:40]})
    shown = (await ana.get("/chat/general?at=end")).text.rpartition('<div class="text">')[2].partition("</div>")[0]
    assert "record-link" not in shown
    assert "<a" not in shown


async def test_what_a_form_carries_by_itself_is_not_given_back_as_typed(shared_server: Server) -> None:
    carla = await shared_server.sign_in("acme", "carla@acme.test")
    form = {"text": "Not mine to change", "edits": "0", "named": '{"1": "Ana"}', "for-member": "3"}
    refused = await carla.post("/chat/general/messages/1/edit", data=form)
    await carla.aclose()
    assert refused.status_code == 403
    assert "Not mine to change" in refused.text
    assert "named" not in refused.text
    assert "&#34;1&#34;" not in refused.text


async def test_archived_rooms_are_offered_where_there_is_one_that_its_reader_may_see(server: Server) -> None:
    way = 'href="/archived-rooms">Archived rooms'
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        assert way not in (await ana.get("/chat")).text
        await ana.post("/chat/new", data={"name": "Attic", "private": "yes"})
        assert way not in (await ana.get("/chat")).text
        await ana.post("/chat/attic/archive", data={"archived": "yes"})
        assert way in (await ana.get("/chat")).text
        async with aclosing(server.let_in("acme", "carla@acme.test")) as carla:
            assert way not in (await carla.get("/chat")).text
