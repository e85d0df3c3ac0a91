"""Records, as programs read and change them; and that what is sent again is done once."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import httpx
import pytest

from app.database import now
from app.programs.lists import write_cursor
from tests.conftest import Server
from tests.programs.conftest import API, LetIn, problem_of

RECORDS = f"{API}/collections/books/records"
ANA = "ana@acme.test"


@pytest.fixture
async def program(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in(ANA, name="nightly")


async def add(program: httpx.AsyncClient, **values: Any) -> dict[str, Any]:
    answer = await program.post(RECORDS, json={"values": {"title": "A book", "author": "Someone", **values}})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{RECORDS}/{made['number']}"
    return made


async def read_all(program: httpx.AsyncClient, path: str, **asked: str) -> list[dict[str, Any]]:
    """All items of a list, part by part."""
    items, following = [], ""
    while True:
        answer = await program.get(path, params={**asked, **({"next": following} if following else {})})
        assert answer.status_code == 200, answer.text
        part = answer.json()
        assert part.keys() == {"items", "next"}
        items += part["items"]
        following = part["next"]
        if following is None:
            return items


async def test_what_was_added_is_read_changed_and_deleted(program: httpx.AsyncClient) -> None:
    made = await add(program, year=1899)
    path = f"{RECORDS}/{made['number']}"
    assert made["version"] == 1
    assert made["values"]["year"] == 1899
    assert made["created_at"].endswith("Z")
    read = await program.get(path)
    assert read.json() == made
    assert read.headers["etag"].startswith('"1-')
    changed = await program.patch(path, json={"values": {"year": None}}, headers={"if-match": read.headers["etag"]})
    assert changed.json()["version"] == 2
    assert changed.json()["values"] == {**made["values"], "year": None}, "what is not named stays"
    assert (await program.delete(path, headers={"if-match": '"2"'})).status_code == 204
    binned = await program.get(path)
    assert binned.json()["deleted_at"]
    assert made["number"] in [each["number"] for each in await read_all(program, f"{API}/collections/books/bin")]
    back = await program.post(f"{path}/restore", headers={"if-match": '"3"'})
    assert back.json()["version"] == 4
    old = await program.post(f"{path}/revisions/1/restore", headers={"if-match": '"4"'})
    assert old.json()["values"] == made["values"]
    revisions = await read_all(program, f"{path}/revisions", limit="2")
    assert [each["what"] for each in revisions] == ["reverted", "restored", "deleted", "changed", "created"]
    assert {each["author"]["name"] for each in revisions} == {"Ana"}


async def test_a_change_says_which_version_it_means(program: httpx.AsyncClient) -> None:
    path = f"{RECORDS}/{(await add(program))['number']}"
    for method, body in (("PATCH", {"json": {"values": {"title": "Other"}}}), ("DELETE", {})):
        refused = await program.request(method, path, **body)
        assert problem_of(refused) == (428, "precondition-required")
        for wrong in ("3", '"x"', '"1", "2"', "*"):
            answer = await program.request(method, path, headers={"if-match": wrong}, **body)
            assert problem_of(answer) == (400, "bad-request"), wrong
        answer = await program.request(method, path, headers={"if-match": '"7"'}, **body)
        assert problem_of(answer) == (412, "version-changed")
        assert answer.json()["version"] == 1
    assert (await program.get(path)).json()["version"] == 1


async def test_who_has_it_already_is_told_so(program: httpx.AsyncClient) -> None:
    path = f"{RECORDS}/{(await add(program))['number']}"
    first = await program.get(path)
    for tag in (first.headers["etag"], f"W/{first.headers['etag']}", f'"x", {first.headers["etag"]}', "*"):
        again = await program.get(path, headers={"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    await program.patch(path, json={"values": {"title": "Other"}}, headers={"if-match": '"1"'})
    assert (await program.get(path, headers={"if-none-match": first.headers["etag"]})).status_code == 200
    listed = await program.get(f"{API}/collections")
    assert (
        await program.get(f"{API}/collections", headers={"if-none-match": listed.headers["etag"]})
    ).status_code == 304


async def test_lists_are_read_part_by_part_in_their_order(program: httpx.AsyncClient) -> None:
    undated = {(await add(program, title=f"Undated {number}"))["number"] for number in range(9)}
    for sort in ("number", "-number", "title", "-title", "year", "-year"):
        whole = (await program.get(RECORDS, params={"sort": sort, "limit": "200"})).json()["items"]
        parts = await read_all(program, RECORDS, sort=sort, limit="7")
        assert parts == whole, sort
        assert len({each["number"] for each in parts}) == len(parts) > 30
        if sort.endswith("year"):
            last = [each["values"].get("year") or "" for each in parts]
            assert undated <= {each["number"] for each in parts[last.index("") :]}
            assert not any(last[last.index("") :]), "what is empty is last, upwards and downwards"
    found = await read_all(program, RECORDS, q="machado casmurro", limit="1")
    assert [each["values"]["title"] for each in found] == ["Dom Casmurro"]
    assert len((await program.get(RECORDS)).json()["items"]) <= 50
    for wrong in ({"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"sort": "nothing"}):
        assert problem_of(await program.get(RECORDS, params=wrong)) == (422, "invalid"), wrong
    for cursor in ("x", "W10", "bnVsbA", "WyJhIl0", "é", "W" * 5000):
        assert problem_of(await program.get(RECORDS, params={"next": cursor})) == (400, "bad-request"), cursor


async def test_collections_say_their_fields_and_choices(program: httpx.AsyncClient) -> None:
    books = next(each for each in await read_all(program, f"{API}/collections") if each["slug"] == "books")
    assert (await program.get(f"{API}/collections/books")).json()["created_at"] == books["created_at"]
    fields = {each["key"]: each for each in await read_all(program, f"{API}/collections/books/fields")}
    assert fields["title"]["required"]
    lent = next(each for each in fields["status"]["choices"] if each["name"] == "Lent")
    made = await add(program, status="Lent")
    assert made["values"]["status"] == lent["id"]
    assert (await add(program, status=lent["id"]))["values"]["status"] == lent["id"]


async def test_a_request_that_is_sent_again_with_its_key_is_done_once(
    program: httpx.AsyncClient, let_in: LetIn, shared_server: Server
) -> None:
    key, body = {"idempotency-key": f"key {now()}".replace(" ", "-")}, {"values": {"title": "Once", "author": "A"}}
    first, again = [await program.post(RECORDS, json=body, headers=key) for _ in range(2)]
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.headers["etag"] == again.headers["etag"]
    assert first.headers["location"] == again.headers["location"]
    other = await program.post(RECORDS, json={"values": {"title": "Twice", "author": "A"}}, headers=key)
    assert problem_of(other) == (422, "key-reused")
    somebody = await let_in("bruno@acme.test")
    theirs = await somebody.post(RECORDS, json=body, headers=key)
    assert theirs.json()["number"] != first.json()["number"], "a key is of its token alone"
    said = await program.post(f"{API}/rooms/general/messages", json={"text": "Once"}, headers=key)
    assert said.status_code == 201, "and of its address"
    for wrong in ("", "a" * 256, "a b"):
        answer = await program.post(RECORDS, json=body, headers={"idempotency-key": wrong})
        assert problem_of(answer) == (400, "bad-request")
    shared_server.store.rows("UPDATE kept_answer SET made_at = '2020-01-01 00:00:00+00'")
    shared_server.store.rows("DELETE FROM kept_answer")
    late = await program.post(RECORDS, json=body, headers=key)
    assert late.json()["number"] > first.json()["number"]


async def test_what_was_refused_is_tried_again_and_ten_at_once_make_one(program: httpx.AsyncClient) -> None:
    key = {"idempotency-key": f"many-{now().timestamp()}"}
    assert problem_of(await program.post(RECORDS, json={"values": {}}, headers=key)) == (422, "invalid")
    body = {"values": {"title": "Many", "author": "A"}}
    answers = await asyncio.gather(*(program.post(RECORDS, json=body, headers=key) for _ in range(10)))
    made = {answer.json()["number"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    for answer in answers:
        if answer.status_code != 201:
            assert problem_of(answer) == (409, "in-progress")


async def test_an_answer_with_a_secret_is_not_kept(program: httpx.AsyncClient, shared_server: Server) -> None:
    path, key = f"{RECORDS}/{(await add(program))['number']}/lock", {"idempotency-key": f"lock-{now().timestamp()}"}
    taken = await program.post(path, headers=key)
    assert taken.status_code == 201
    assert problem_of(await program.post(path, headers=key)) == (409, "answer-not-kept")
    kept = shared_server.store.rows("SELECT body FROM kept_answer ORDER BY made_at DESC LIMIT 1")
    assert kept == [(None,)]


async def test_a_message_is_posted_and_read(program: httpx.AsyncClient) -> None:
    rooms = await read_all(program, f"{API}/rooms")
    assert {"slug", "name", "kind", "joined"} <= rooms[0].keys()
    path = f"{API}/rooms/general/messages"
    said = await program.post(path, json={"text": "The night's work is **done**, see #40"})
    assert said.status_code == 201
    answered = await program.post(path, json={"text": "Well " * 200, "reply_to": said.json()["number"]})
    assert answered.json()["reply_to"] == said.json()["number"]
    newest = (await program.get(path, params={"limit": "2"})).json()["items"]
    assert newest == [answered.json(), said.json()]
    for wrong in ({"text": ""}, {"text": "x", "reply_to": 10**17}, {"text": "x", "reply_to": 10**30}):
        assert (await program.post(path, json=wrong)).status_code in (400, 422), wrong
    assert problem_of(await program.post(f"{API}/rooms/nowhere/messages", json={"text": "x"})) == (404, "not-found")


@pytest.mark.parametrize("sort", ["", "number", "-title", "title"])
async def test_a_script_that_changes_what_it_lists_comes_to_an_end(program: httpx.AsyncClient, sort: str) -> None:
    """What it changes is in the next list: nothing comes twice in one."""
    began = (await add(program, title="Before the walk"))["updated_at"]
    made = [(await add(program, title=f"Walked {place}"))["number"] for place in range(5)]
    asked = {"changed_after": began, "limit": "2", **({"sort": sort} if sort else {})}
    walked: list[int] = []
    later = 0
    following: str | None = ""
    while following is not None:
        part = (await program.get(RECORDS, params={**asked, "next": following})).json()
        for each in part["items"]:
            walked.append(each["number"])
            body, tag = {"values": {"title": f"Walked again {len(walked)}"}}, {"if-match": f'"{each["version"]}"'}
            assert (await program.patch(f"{RECORDS}/{each['number']}", json=body, headers=tag)).status_code == 200
        if len(walked) == 2:
            later = (await add(program, title="Walked later"))["number"]
        following = part["next"]
        assert len(walked) <= 5
    assert sorted(walked) == made
    again = await read_all(program, RECORDS, changed_after=began)
    assert [each["number"] for each in again] == [*walked[:2], later, *walked[2:]]


async def test_a_nightly_script_asks_for_what_was_changed(program: httpx.AsyncClient) -> None:
    began = (await add(program, title="Kept as it was"))["updated_at"]
    first, second, gone = [await add(program, title=f"Nightly {place}") for place in range(3)]
    path = f"{RECORDS}/{first['number']}"
    changed = (await program.patch(path, json={"values": {"year": 2000}}, headers={"if-match": '"1"'})).json()
    await program.delete(f"{RECORDS}/{gone['number']}", headers={"if-match": '"1"'})
    found = await read_all(program, RECORDS, changed_after=began, limit="1")
    assert [each["number"] for each in found] == [second["number"], first["number"]], "in the order of their changes"
    assert found[-1] == changed
    by_number = await read_all(program, RECORDS, changed_after=began, sort="-number", limit="1")
    assert [each["number"] for each in by_number] == [second["number"], first["number"]]
    by_title = await read_all(program, RECORDS, changed_after=began, sort="title", limit="1")
    assert [each["number"] for each in by_title] == [first["number"], second["number"]]
    assert [each["number"] for each in await read_all(program, RECORDS, changed_after=began, q="nightly 1")] == [
        second["number"]
    ]
    binned = await read_all(program, f"{API}/collections/books/bin", changed_after=began)
    assert [each["number"] for each in binned] == [gone["number"]]
    assert await read_all(program, RECORDS, changed_after=changed["updated_at"]) == []
    for wrong in ("yesterday", "9999-12-31T23:59:59Z"):
        assert problem_of(await program.get(RECORDS, params={"changed_after": wrong})) == (422, "invalid")
    audited = (await program.get(f"{API}/audit", params={"since": began, "until": changed["updated_at"]})).json()
    assert all(began <= each["at"] < changed["updated_at"] for each in audited["items"])
    assert problem_of(await program.get(RECORDS, params={"changed_after": began, "next": "WyJ4IiwxXQ"})) == (
        400,
        "bad-request",
    )
    for place in (["x", 1, began], [began, 1, "x"], [began, 1], [began, 1, "9999-12-31T23:59:59Z"]):
        wrong = base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
        refused = await program.get(RECORDS, params={"changed_after": began, "next": wrong})
        assert problem_of(refused) == (400, "bad-request"), place


async def test_a_place_with_a_key_of_another_version_is_in_no_list(program: httpx.AsyncClient) -> None:
    place = (await program.get(RECORDS, params={"sort": "title", "limit": 2})).json()["next"]
    version, *behind = json.loads(base64.urlsafe_b64decode(place + "=" * (-len(place) % 4)))
    for other in (behind, [version - 1, *behind], [version + 1, *behind]):
        params = {"sort": "title", "limit": 2, "next": write_cursor(*other)}
        assert problem_of(await program.get(RECORDS, params=params)) == (400, "bad-request"), other
    assert (await program.get(RECORDS, params={"sort": "title", "limit": 2, "next": place})).status_code == 200
