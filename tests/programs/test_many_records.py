"""Many records at once, drafts, files of records, exports, and the definition of a collection."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.programs.conftest import API, LetIn, problem_of

BOOKS = f"{API}/collections/books"
RECORDS = f"{BOOKS}/records"
ANA = "ana@acme.test"


@pytest.fixture
async def program(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in(ANA, name="nightly")


async def add(program: httpx.AsyncClient, **values: Any) -> int:
    answer = await program.post(RECORDS, json={"values": {"title": "A book", "author": "Someone", **values}})
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["number"]
    return number


async def test_each_of_many_changes_is_answered_by_itself(program: httpx.AsyncClient, let_in: LetIn) -> None:
    good, late, wrong, held, mine, binned, kept = [await add(program) for _ in range(7)]
    other = await let_in("carla@acme.test")
    await other.post(f"{RECORDS}/{held}/lock")
    lock = (await program.post(f"{RECORDS}/{mine}/lock")).json()["lock"]
    rows: list[dict[str, Any]] = [
        {"number": good, "version": 1, "values": {"year": 1899}},
        {"number": late, "version": 7, "values": {"year": 1899}},
        {"number": wrong, "version": 1, "values": {"year": "soon"}},
        {"number": held, "version": 1, "values": {"year": 1899}},
        {"number": mine, "version": 1, "values": {"year": 1899}, "lock": lock},
        {"number": binned, "version": 1, "delete": True},
        {"number": 999_999, "version": 1, "values": {}},
        {"number": good, "version": 1, "values": {"year": 1900}},
        {"number": kept, "version": 1, "values": {"year": 1899}, "delete": True},
        {"number": kept, "version": 1},
    ]
    sent: dict[str, Any] = {"json": {"records": rows}, "headers": {"idempotency-key": "many-1"}}
    answer = await program.post(f"{RECORDS}/changes", **sent)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [each["number"] for each in items] == [each["number"] for each in rows]
    assert [each["status"] for each in items] == [200, 412, 422, 423, 200, 204, 404, 412, 422, 422]
    assert [each["version"] for each in items if each["status"] == 200] == [2, 2]
    assert items[1]["problem"]["version"] == 1
    assert {each["field"] for each in items[2]["problem"]["errors"]} == {"year"}
    assert items[3]["problem"]["holder"]["name"] == "Carla"
    assert [each["problem"]["errors"][0]["field"] for each in items[-2:]] == ["values", "values"]
    looked = [(await program.get(f"{RECORDS}/{each}")).json() for each in (good, late, wrong, held, kept)]
    assert [each["values"]["year"] for each in looked] == [1899, None, None, None, None]
    assert looked[-1]["deleted_at"] is None, "what is to be changed and deleted is neither"
    assert (await program.post(f"{RECORDS}/changes", **sent)).json() == answer.json(), "the first answer again"
    too_many = {"records": [{"number": 1, "version": 1}] * 201}
    assert problem_of(await program.post(f"{RECORDS}/changes", json=too_many)) == (422, "invalid")


async def test_a_draft_is_ones_own_and_changes_nothing(program: httpx.AsyncClient, let_in: LetIn) -> None:
    number = await add(program, year=1899)
    path = f"{RECORDS}/{number}/draft"
    assert problem_of(await program.get(path)) == (404, "not-found")
    typed = {"values": {"title": "Typed", "year": 1900}}
    assert problem_of(await program.patch(path, json=typed)) == (428, "precondition-required")
    assert problem_of(await program.patch(path, json=typed, headers={"if-match": '"2"'})) == (412, "version-changed")
    kept = await program.patch(path, json=typed, headers={"if-match": '"1"'})
    assert kept.status_code == 200, kept.text
    assert kept.json()["values"] == {"title": "Typed", "year": "1900"}
    assert (await program.get(path)).json() == kept.json()
    assert problem_of(await (await let_in("carla@acme.test")).get(path)) == (404, "not-found")
    record = (await program.get(f"{RECORDS}/{number}")).json()
    assert (record["version"], record["values"]["title"]) == (1, "A book")
    for _ in range(2):
        assert (await program.delete(path)).status_code == 204
    assert problem_of(await program.get(path)) == (404, "not-found")


async def test_a_draft_is_changed_as_it_was_read_and_what_is_not_named_stays(
    program: httpx.AsyncClient, shared_server: Server
) -> None:
    number = await add(program, year=1899)
    path = f"{RECORDS}/{number}/draft"
    begun = await program.patch(path, json={"values": {"title": "Typed"}}, headers={"if-none-match": "*"})
    assert begun.status_code == 200, begun.text
    assert begun.headers["etag"] == (await program.get(path)).headers["etag"]
    for meant in ({"if-none-match": "*"}, {"if-match": '"1"'}, {"if-match": '"9"'}, {"if-match": '"0123456789abcdef"'}):
        refused = await program.patch(path, json={"values": {"year": 1900}}, headers=meant)
        assert problem_of(refused) == (412, "version-changed"), meant
    assert problem_of(await program.patch(path, json={"values": {"year": 1900}})) == (428, "precondition-required")
    seen = {"if-match": begun.headers["etag"]}
    merged = await program.patch(path, json={"values": {"year": 1900}}, headers=seen)
    assert merged.status_code == 200, merged.text
    assert merged.json()["values"] == {"title": "Typed", "year": "1900"}
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as page:
        form = {"title": "Typed by hand", "author": "Someone", "year": "1899", "notes": "Long", "version": "1"}
        token = re.search(r'name="lock-token" value="([^"]+)"', (await page.get(f"/c/books/{number}/edit")).text)
        assert token
        typed = await page.post(f"/c/books/{number}/draft", data={**form, "lock-token": token[1]})
        assert typed.status_code == 204
        await page.post(f"/c/books/{number}/lock/release", data={"lock-token": token[1]})
    late = await program.patch(
        path, json={"values": {"notes": "By a program"}}, headers={"if-match": merged.headers["etag"]}
    )
    assert problem_of(late) == (412, "version-changed"), "somebody has typed meanwhile"
    by_hand = await program.get(path)
    assert {"title": "Typed by hand", "notes": "Long"}.items() <= by_hand.json()["values"].items()
    assert (await program.delete(path)).status_code == 204
    gone = await program.patch(path, json={"values": {"year": 1900}}, headers={"if-match": by_hand.headers["etag"]})
    assert problem_of(gone) == (412, "version-changed")
    again = await program.patch(path, json={"values": {"year": 1901}}, headers={"if-match": '"1"'})
    assert again.json()["values"] == {"year": "1901"}


async def test_a_draft_of_a_record_that_is_not_added_is_kept_and_discarded(
    program: httpx.AsyncClient, let_in: LetIn
) -> None:
    path = f"{BOOKS}/draft"
    assert problem_of(await program.get(path)) == (404, "not-found")
    for title in ("Typed", "Typed again"):
        kept = await program.patch(path, json={"values": {"title": title, "year": 1900}})
        assert kept.status_code == 200, kept.text
        assert kept.json()["values"] == {"title": title, "year": "1900"}
    assert (await program.get(path)).json() == kept.json()
    named = await program.patch(path, json={"values": {"year": 1901}})
    assert named.json()["values"] == {"title": "Typed again", "year": "1901"}, "what is not named stays"
    assert named.headers["etag"] == (await program.get(path)).headers["etag"]
    assert problem_of(await (await let_in("carla@acme.test")).get(path)) == (404, "not-found")
    for _ in range(2):
        assert (await program.delete(path)).status_code == 204
    assert problem_of(await program.get(path)) == (404, "not-found")


async def test_fields_are_added_changed_removed_and_restored(program: httpx.AsyncClient, let_in: LetIn) -> None:
    fields = f"{BOOKS}/fields"
    given = {"name": "Shelf", "kind": "choice", "choices": ["Left", "Right"], "help": "Where it stands"}
    added = await program.post(fields, json=given)
    assert added.status_code == 201, added.text
    again = await program.post(fields, json=given)
    assert problem_of(again) == (422, "invalid")
    assert [each["field"] for each in again.json()["errors"]] == ["name"]
    path = added.headers["location"]
    field = added.json()
    assert field["key"] == "shelf"
    assert [each["name"] for each in field["choices"]] == ["Left", "Right"]
    left, right = field["choices"]
    choices = [{"id": right["id"], "name": "East"}, {"id": left["id"], "name": "West"}, {"name": "North"}]
    change = {"name": "Its shelf", "choices": choices, "position": 0, "read_only_for": ["member"]}
    assert problem_of(await program.patch(path, json=change)) == (428, "precondition-required")
    changed = await program.patch(path, json=change, headers={"if-match": added.headers["etag"]})
    assert changed.status_code == 200, changed.text
    now = changed.json()
    assert (now["name"], now["help"], now["read_only_for"]) == ("Its shelf", "Where it stands", ["member"])
    assert [each["name"] for each in now["choices"]] == ["East", "West", "North"]
    assert [each["id"] for each in now["choices"][:2]] == [right["id"], left["id"]]
    assert (await program.get(fields)).json()["items"][0]["key"] == "shelf"
    late = await program.patch(path, json={"help": "Late"}, headers={"if-match": added.headers["etag"]})
    assert problem_of(late) == (412, "version-changed")
    carla = await let_in("carla@acme.test")
    assert not (await carla.get(path)).json()["writable"]
    assert problem_of(await carla.delete(path)) == (403, "forbidden")
    assert (await program.delete(path)).status_code == 204
    assert problem_of(await program.get(path)) == (404, "not-found")
    back = await program.post(f"{path}/restore")
    assert [each["name"] for each in back.json()["choices"]] == ["East", "West", "North"]
    await program.delete(path)


async def test_what_a_field_can_not_have_is_refused_and_not_dropped(program: httpx.AsyncClient) -> None:
    unfit: list[tuple[str, dict[str, Any]]] = [
        ("choices", {"kind": "text", "choices": ["Left", "Right"]}),
        ("options.places", {"kind": "decimal", "options": {"places": 2}}),
        ("options.several", {"kind": "text", "options": {"several": True}}),
        ("read_only_for", {"kind": "text", "read_only_for": ["admin"]}),
        ("read_only_for", {"kind": "record_number", "read_only_for": ["member"]}),
    ]
    for member, given in unfit:
        refused = await program.post(f"{BOOKS}/fields", json={"name": "Unfit", **given})
        assert problem_of(refused) == (422, "invalid"), given
        assert [each["field"] for each in refused.json()["errors"]] == [member]
    title = await program.get(f"{BOOKS}/fields/title")
    tag = {"if-match": title.headers["etag"]}
    for change in ({"choices": [{"name": "Left"}]}, {"options": {"most": 5}}, {"read_only_for": ["owner"]}):
        assert problem_of(await program.patch(f"{BOOKS}/fields/title", json=change, headers=tag)) == (422, "invalid")
    other = {"kind": "whole_number", "options": {"currency": "EUR"}}
    assert problem_of(await program.post(f"{BOOKS}/fields/title/kind/preview", json=other)) == (422, "invalid")
    same = {each: title.json()[each] for each in ("name", "choices", "options", "read_only_for")}
    assert (await program.patch(f"{BOOKS}/fields/title", json=same, headers=tag)).status_code == 200


async def test_a_record_has_files_that_were_brought(program: httpx.AsyncClient, let_in: LetIn) -> None:
    field = (await program.post(f"{BOOKS}/fields", json={"name": "Scans", "kind": "files"})).json()
    assert field["writable"]
    brought = await program.post(f"{BOOKS}/files", params={"name": "page 1.txt"}, content=b"A page")
    assert brought.status_code == 201, brought.text
    file = brought.json()
    number = await add(program, **{field["key"]: [{"id": file["id"]}]})
    record = (await program.get(f"{RECORDS}/{number}")).json()
    assert record["values"][field["key"]] == [{"id": file["id"], "name": "page 1.txt", "preview": False}]
    carla = await let_in("carla@acme.test")
    assert (await carla.get(f"{API}/record-files/{file['id']}")).content == b"A page"
    stolen = {"values": {"title": "Another", "author": "A", field["key"]: [file["id"]]}}
    assert problem_of(await carla.post(RECORDS, json=stolen)) == (422, "invalid")
    assert (await program.delete(f"{BOOKS}/fields/{field['key']}")).status_code == 204


async def test_an_export_has_what_a_list_has(program: httpx.AsyncClient, let_in: LetIn) -> None:
    rows = await program.get(f"{BOOKS}/export", params={"format": "csv", "q": "machado", "sort": "-number"})
    assert rows.status_code == 200, rows.text
    assert rows.headers["content-type"].startswith("text/csv")
    assert len(list(csv.reader(io.StringIO(rows.text)))) > 1
    whole = await program.get(f"{BOOKS}/export")
    assert json.loads(whole.content)
    assert (await program.get(f"{BOOKS}/export", params={"format": "xlsx"})).content.startswith(b"PK")
    assert problem_of(await program.get(f"{BOOKS}/export", params={"format": "pdf"})) == (422, "invalid")
    for path in (BOOKS + "/export", BOOKS + "/records"):
        assert problem_of(await program.get(path, params={"sort": "nope"})) == (422, "invalid")
        assert (await program.get(path, params={"sort": "-title"})).status_code == 200
    narrowed = await let_in(ANA, collections=[99])
    assert problem_of(await narrowed.get(f"{BOOKS}/export")) == (404, "not-found")
    entry = (await program.get(f"{API}/audit", params={"what": "records.exported"})).json()["items"][0]
    assert entry["member"]["name"] == "Ana"
