"""Rooms as programs make, change and leave them; their own place in each; discussions of records; and searching."""

from __future__ import annotations

import secrets
from typing import Any

import httpx

from tests.programs.conftest import API, BOOK, LetIn, change_as_read, problem_of

ROOMS = f"{API}/rooms"


async def make(program: httpx.AsyncClient, *, private: bool = False) -> str:
    """A room of its own; where it is."""
    name = f"Room {secrets.token_hex(4)}"
    answer = await program.post(ROOMS, json={"name": name, "private": private})
    assert answer.status_code == 201, answer.text
    assert answer.json()["joined"]
    assert answer.json()["name"] == name
    return str(answer.headers["location"])


async def say(program: httpx.AsyncClient, path: str, text: str, **more: Any) -> dict[str, Any]:
    answer = await program.post(f"{path}/messages", json={"text": text, **more})
    assert answer.status_code == 201, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def find_ids(program: httpx.AsyncClient) -> dict[str, int]:
    people = (await program.get(f"{API}/members", params={"limit": 200})).json()["items"]
    return {each["name"]: each["id"] for each in people}


async def test_a_room_is_made_called_otherwise_and_closed(ana: httpx.AsyncClient, carla: httpx.AsyncClient) -> None:
    path = await make(carla)
    assert problem_of(await carla.patch(path, json={"name": "Unseen"})) == (428, "precondition-required")
    seen = {"if-match": (await carla.get(path)).headers["etag"]}
    changed = await carla.patch(path, json={"description": "What is counted"}, headers=seen)
    assert changed.json()["description"] == "What is counted"
    assert changed.headers["etag"] == (await carla.get(path)).headers["etag"]
    late = await carla.patch(path, json={"description": "What was counted"}, headers=seen)
    assert problem_of(late) == (412, "version-changed"), "nobody writes over what they have not seen"
    assert problem_of(await carla.patch(path, json={}, headers={"if-match": "3"})) == (400, "bad-request")
    assert problem_of(await ana.patch(path, json={"name": "Mine"})) == (403, "forbidden"), "who is not in it"
    assert problem_of(await change_as_read(carla, path, {"name": " "})) == (422, "invalid")
    await say(ana, path, "I come in")
    assert (await carla.post(f"{path}/archive")).json()["archived"]
    assert problem_of(await ana.post(f"{path}/messages", json={"text": "Still"}))[0] in (403, 410)
    slug = path.rpartition("/")[2]
    assert slug not in [each["slug"] for each in (await ana.get(ROOMS, params={"limit": 200})).json()["items"]]
    assert slug in [each["slug"] for each in (await ana.get(f"{API}/archived-rooms")).json()["items"]]
    assert not (await ana.post(f"{path}/unarchive")).json()["archived"]
    assert problem_of(await ana.post(f"{ROOMS}/general/archive")) == (403, "forbidden")


async def test_people_come_into_a_private_room_and_leave_it(ana: httpx.AsyncClient, carla: httpx.AsyncClient) -> None:
    path = await make(ana, private=True)
    ids = await find_ids(ana)
    assert problem_of(await carla.get(path)) == (404, "not-found")
    assert problem_of(await carla.post(f"{path}/membership")) == (404, "not-found")
    for _ in range(2):
        assert (await ana.post(f"{path}/members", json={"member_id": ids["Carla"]})).json()["name"] == "Carla"
    assert [each["name"] for each in (await carla.get(f"{path}/members")).json()["items"]] == ["Ana", "Carla"]
    assert problem_of(await carla.delete(f"{path}/members/{ids['Ana']}")) == (403, "forbidden")
    assert (await ana.delete(f"{path}/members/{ids['Carla']}")).status_code == 204
    assert problem_of(await carla.get(path)) == (404, "not-found")
    await ana.post(f"{path}/members", json={"member_id": ids["Carla"]})
    assert (await carla.delete(f"{path}/membership")).status_code == 204
    assert problem_of(await carla.get(f"{path}/messages")) == (404, "not-found")
    assert problem_of(await ana.post(f"{path}/members", json={"member_id": 10**6})) == (404, "not-found")


async def test_ones_own_place_says_what_is_unread_and_what_one_is_told(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await make(ana)
    assert problem_of(await carla.get(f"{path}/membership")) == (404, "not-found")
    joined = (await carla.post(f"{path}/membership")).json()
    assert (joined["notify"], joined["read"], joined["unread"]) == ("everything", 0, 0)
    await say(ana, path, "One")
    await say(ana, path, "Two for @Carla")
    place = (await carla.get(f"{path}/membership")).json()
    assert (place["last"], place["unread"], place["mentions"]) == (2, 2, 1)
    told = (await carla.get(f"{API}/notifications", params={"unread": True})).json()["items"]
    assert told[0]["kind"] == "mention"
    read = (await carla.patch(f"{path}/membership", json={"read": 2, "notify": "mentions"})).json()
    assert (read["notify"], read["read"], read["unread"]) == ("mentions", 2, 0)
    assert (await carla.patch(f"{path}/membership", json={"read": 1})).json()["read"] == 2, "it never goes back"
    unread = (await carla.get(f"{API}/notifications", params={"unread": True})).json()["items"]
    assert told[0]["id"] not in [each["id"] for each in unread], "what was told of it is read with it"
    assert problem_of(await carla.patch(f"{path}/membership", json={"notify": "loudly"})) == (422, "invalid")
    assert problem_of(await carla.delete(f"{ROOMS}/general/membership")) == (403, "forbidden")


async def test_the_same_people_write_to_each_other_in_the_same_room(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    ids = await find_ids(ana)
    room = (await ana.post(f"{ROOMS}/direct", json={"member_ids": [ids["Carla"]]})).json()
    assert (room["kind"], room["name"]) == ("direct", "Carla")
    back = (await carla.post(f"{ROOMS}/direct", json={"member_ids": [ids["Ana"]]})).json()
    assert (back["slug"], back["name"]) == (room["slug"], "Ana")
    await say(carla, f"{ROOMS}/{room['slug']}", "To you alone")
    assert problem_of(await ana.post(f"{ROOMS}/direct", json={"member_ids": [ids["Ana"]]})) == (422, "invalid")
    assert problem_of(await ana.post(f"{ROOMS}/direct", json={"member_ids": [10**6]})) == (404, "not-found")


async def test_a_discussion_of_a_record_is_read_and_written(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient, let_in: LetIn
) -> None:
    made = await ana.post(f"{API}/collections/books/records", json={"values": {"title": "Discussed", "author": "A"}})
    path = f"{made.headers['location']}/discussion"
    assert problem_of(await carla.get(path)) == (404, "not-found"), "no word yet"
    assert (await carla.get(f"{path}/messages")).json() == {"items": [], "next": None}
    brought = await carla.post(f"{path}/files", params={"name": "a.txt"}, content=b"Brought")
    assert brought.status_code == 201, brought.text
    said = await say(carla, path, "Is it lent?", files=[brought.json()["id"]])
    assert [each["name"] for each in said["files"]] == ["a.txt"]
    room = (await ana.get(path)).json()
    assert (room["kind"], room["joined"]) == ("discussion", True), "who made the record is in it from the first word"
    assert [each["text"] for each in (await ana.get(f"{path}/messages")).json()["items"]] == ["Is it lent?"]
    await say(ana, f"{ROOMS}/{room['slug']}", "It is", reply_to=1)
    after = await carla.get(f"{path}/messages", params={"after": 1})
    assert [each["reply_to"] for each in after.json()["items"]] == [1]
    narrowed = await let_in("carla@acme.test", collections=[1])
    assert (await narrowed.get(BOOK)).status_code == 200
    for answer in (await narrowed.get(path), await narrowed.get(f"{path}/messages")):
        assert problem_of(answer) == (404, "not-found"), "of discussions a narrowed token sees nothing"
    without = await let_in("carla@acme.test", scopes=["chat:write"])
    assert problem_of(await without.get(path))[0] in (403, 404)


async def test_messages_are_searched_for_where_one_may_read(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient, let_in: LetIn
) -> None:
    word = f"needle{secrets.token_hex(4)}"
    closed, opened = await make(ana, private=True), await make(ana)
    for path in (closed, opened):
        for count in range(3):
            await say(ana, path, f"{word} number {count}")

    async def search(program: httpx.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
        found, following = [], {"q": word, **asked}
        while True:
            answer = await program.get(f"{API}/messages/search", params=following)
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            if answer.json()["next"] is None:
                return found
            following["next"] = answer.json()["next"]

    assert len(await search(ana)) == 6
    assert len(await search(ana, limit=2)) == 6, "by parts likewise"
    assert {each["room"] for each in await search(carla)} == {opened.rpartition("/")[2]}
    assert (await search(carla))[0]["message"]["text"] == f"{word} number 2"
    assert word in (await search(carla))[0]["excerpt"]
    slug = closed.rpartition("/")[2]
    assert len(await search(ana, room=slug)) == 3
    assert problem_of(await carla.get(f"{API}/messages/search", params={"room": slug})) == (404, "not-found")
    ids = await find_ids(ana)
    assert await search(ana, author=ids["Carla"]) == []
    assert await search(ana, until="2020-01-01T00:00:00Z") == []
    assert len(await search(ana, since="2020-01-01T00:00:00Z")) == 6
    room = (await ana.get(opened)).json()
    narrowed = await let_in("ana@acme.test", rooms=[int(room["channel"].partition(".")[2])])
    assert {each["room"] for each in await search(narrowed)} == {room["slug"]}
    assert (await ana.get(f"{API}/messages/search")).json()["items"] == []


async def test_searches_of_programs_and_pages_are_counted_together(ana: httpx.AsyncClient, let_in: LetIn) -> None:
    davi = await let_in("davi@acme.test")
    answers = [await davi.get(f"{API}/messages/search", params={"q": "x"}) for _ in range(61)]
    assert problem_of(answers[-1]) == (429, "too-many-requests")
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_a_file_that_was_not_sent_is_taken_out(ana: httpx.AsyncClient) -> None:
    brought = (await ana.post(f"{ROOMS}/general/files", params={"name": "a.txt"}, content=b"Brought")).json()
    assert (await ana.delete(f"{API}/files/{brought['id']}")).status_code == 204
    assert problem_of(await ana.get(f"{API}/files/{brought['id']}")) == (404, "not-found")
    sent = (await ana.post(f"{ROOMS}/general/files", params={"name": "b.txt"}, content=b"Brought")).json()
    await say(ana, f"{ROOMS}/general", "Look", files=[sent["id"]])
    assert problem_of(await ana.delete(f"{API}/files/{sent['id']}")) == (404, "not-found")


async def test_those_who_look_are_told_that_one_types(ana: httpx.AsyncClient) -> None:
    room = (await ana.get(f"{ROOMS}/general")).json()
    assert (await ana.post(f"{ROOMS}/general/typing")).json() == {"channel": room["channel"]}
