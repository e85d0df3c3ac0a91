"""Collections as programs of admins change them: what pages can do with them, a program can."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.programs.conftest import API, LetIn, change_as_read, problem_of

RECORDS = "/records"


@pytest.fixture
async def admin(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in("ana@acme.test", name="keeper")


@pytest.fixture
async def carla(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in("carla@acme.test", name="reader")


async def make(admin: httpx.AsyncClient, name: str) -> str:
    """A collection of its own; where it is."""
    answer = await admin.post(f"{API}/collections", json={"name": name, "first": "Title"})
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"].startswith(f'"{answer.json()["version"]}-')
    return str(answer.headers["location"])


async def add(admin: httpx.AsyncClient, path: str, **values: Any) -> int:
    answer = await admin.post(path + RECORDS, json={"values": values})
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["number"]
    return number


async def test_a_collection_is_called_otherwise_by_who_knows_its_version(admin: httpx.AsyncClient) -> None:
    path = await make(admin, "Lamps")
    seen = await admin.get(path)
    assert problem_of(await admin.patch(path, json={"name": "Lights"})) == (428, "precondition-required")
    changed = await admin.patch(
        path,
        json={"name": "Lights", "description": "What shines", "icon": "star", "color": "amber"},
        headers={"if-match": seen.headers["etag"]},
    )
    said = changed.json()
    assert (said["name"], said["description"], said["icon"], said["color"]) == (
        *("Lights", "What shines"),
        *("star", "amber"),
    )
    assert said["slug"] == "lamps"
    late = await admin.patch(path, json={"icon": "key"}, headers={"if-match": seen.headers["etag"]})
    assert problem_of(late) == (412, "version-changed")
    now = {"if-match": f'"{late.json()["version"]}"'}
    assert problem_of(await admin.patch(path, json={"icon": "none such"}, headers=now)) == (422, "invalid")
    assert problem_of(await admin.patch(path, json={"name": "Books"}, headers=now)) == (422, "invalid")
    assert (await admin.get(path)).json()["icon"] == "star"


async def test_a_collection_is_archived_deleted_and_comes_back(
    admin: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await make(admin, "Ladders")
    await add(admin, path, title="The long one")
    assert (await admin.post(f"{path}/archive")).json()["archived"]
    refused = await carla.post(path + RECORDS, json={"values": {"title": "Another"}})
    assert problem_of(refused) == (403, "forbidden")
    assert (await carla.get(path + RECORDS)).status_code == 200
    assert not (await admin.post(f"{path}/unarchive")).json()["archived"]
    assert problem_of(await carla.delete(path)) == (403, "forbidden")
    assert (await admin.delete(path)).status_code == 204
    assert (await admin.delete(path)).status_code == 204, "again"
    assert problem_of(await admin.get(path)) == (404, "not-found")
    deleted = (await admin.get(f"{API}/deleted-collections")).json()["items"]
    assert [each["slug"] for each in deleted][:1] == ["ladders"]
    assert problem_of(await carla.get(f"{API}/deleted-collections")) == (403, "forbidden")
    assert problem_of(await carla.post(f"{path}/restore"))[0] == 403
    assert (await admin.post(f"{path}/restore")).json()["total"] == 1
    assert (await carla.get(f"{path}/records/1")).json()["values"]["title"] == "The long one"


async def test_a_program_that_is_narrowed_does_nothing_with_other_collections(
    shared_server: Server, admin: httpx.AsyncClient, let_in: LetIn
) -> None:
    path = await make(admin, "Tents")
    own = int((await admin.get(path)).json()["channel"].partition(".")[2])
    narrowed = await let_in("ana@acme.test", collections=[own])
    other = await make(admin, "Boats")
    assert (await admin.delete(other)).status_code == 204
    assert problem_of(await narrowed.post(f"{other}/restore")) == (404, "not-found")
    assert (await narrowed.get(f"{API}/deleted-collections")).json()["items"] == []
    assert (await narrowed.delete(path)).status_code == 204
    assert [each["slug"] for each in (await narrowed.get(f"{API}/deleted-collections")).json()["items"]] == ["tents"]


async def test_who_may_do_what_is_read_and_said(
    shared_server: Server, admin: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await make(admin, "Secrets")
    table = (await admin.get(f"{path}/permissions")).json()["roles"]
    assert table["member"] == {"browse": True, "read": True, "add": True, "edit": "all", "delete": "all"}
    own = {"browse": True, "read": True, "add": True, "edit": "own", "delete": "none"}
    changed = await change_as_read(admin, f"{path}/permissions", {"roles": {"member": own}})
    assert changed.json()["roles"] == {**table, "member": own}
    number = await add(admin, path, title="Of an admin")
    refused = await carla.patch(
        f"{path}/records/{number}", json={"values": {"title": "X"}}, headers={"if-match": '"1"'}
    )
    assert problem_of(refused) == (403, "forbidden")
    senseless = await change_as_read(admin, f"{path}/permissions", {"roles": {"viewer": own}})
    assert problem_of(senseless) == (422, "invalid")
    assert senseless.json()["errors"][0]["field"] == "viewer"
    assert problem_of(await carla.get(f"{path}/permissions")) == (403, "forbidden")


async def test_a_collection_is_opened_to_a_guest(
    shared_server: Server, admin: httpx.AsyncClient, let_in: LetIn
) -> None:
    words = ("--name", "Gil", "--role", "guest", "--password", "long enough")
    shared_server.run("member", "add", "acme", "gil@acme.test", *words)
    gil = await let_in("gil@acme.test")
    people = (await admin.get(f"{API}/members", params={"limit": 200})).json()["items"]
    ids = {each["name"]: each["id"] for each in people}
    path = await make(admin, "Shelves")
    assert problem_of(await gil.get(path)) == (404, "not-found")
    wrong = await admin.post(f"{path}/guests", json={"member_id": ids["Carla"]})
    assert problem_of(wrong) == (422, "invalid")
    for _ in range(2):
        assert (await admin.post(f"{path}/guests", json={"member_id": ids["Gil"]})).json()["name"] == "Gil"
    assert [each["name"] for each in (await admin.get(f"{path}/guests")).json()["items"]] == ["Gil"]
    assert (await gil.get(path)).status_code == 200
    assert (await admin.delete(f"{path}/guests/{ids['Gil']}")).status_code == 204
    assert problem_of(await gil.get(path)) == (404, "not-found")
    assert problem_of(await admin.delete(f"{path}/guests/{ids['Gil']}")) == (404, "not-found")


async def test_the_kind_of_a_field_is_looked_at_changed_and_changed_back(admin: httpx.AsyncClient) -> None:
    path = await make(admin, "Measures")
    field = f"{path}/fields/height"
    await admin.post(f"{path}/fields", json={"name": "Height", "kind": "text"})
    first = await add(admin, path, title="A", height="12")
    await add(admin, path, title="B", height="tall")
    preview = (await admin.post(f"{field}/kind/preview", json={"kind": "whole_number"})).json()
    assert (preview["total"], preview["failed"]) == (2, 1)
    assert [each["value"] for each in preview["failures"]] == ["tall"]
    seen = await admin.get(field)
    assert seen.json()["kind"] == "text", "nothing was changed"
    stale = await admin.post(f"{field}/kind", json={"kind": "whole_number"}, headers={"if-match": '"1"'})
    assert problem_of(stale) == (412, "version-changed")
    changed = await admin.post(
        f"{field}/kind", json={"kind": "whole_number"}, headers={"if-match": seen.headers["etag"]}
    )
    assert changed.json()["done"], changed.text
    assert changed.json()["field"]["kind"] == "whole_number"
    assert (await admin.get(f"{path}/records/{first}")).json()["values"]["height"] == 12
    undone = await admin.post(f"{field}/kind/undo")
    assert undone.json()["field"]["kind"] == "text", undone.text
    assert problem_of(await admin.post(f"{field}/kind/undo")) == (422, "invalid")
    assert (await admin.post(f"{field}/kind/redo")).json()["field"]["kind"] == "whole_number"
    assert problem_of(await admin.post(f"{field}/kind/redo")) == (422, "invalid")
    assert (await admin.post(f"{field}/kind/undo")).json()["field"]["kind"] == "text"
    assert (await admin.post(f"{field}/kind/cancel")).json()["done"]
    wrong = await admin.post(f"{field}/kind/preview", json={"kind": "text"})
    assert problem_of(wrong) == (422, "invalid")


async def test_a_removed_field_is_listed_and_restored(admin: httpx.AsyncClient) -> None:
    path = await make(admin, "Tools")
    await admin.post(f"{path}/fields", json={"name": "Maker", "kind": "text"})
    assert (await admin.get(f"{path}/removed-fields")).json()["items"] == []
    assert (await admin.delete(f"{path}/fields/maker")).status_code == 204
    (removed,) = (await admin.get(f"{path}/removed-fields")).json()["items"]
    assert removed["field"]["name"] == "Maker"
    assert (await admin.post(f"{path}/fields/{removed['field']['key']}/restore")).status_code == 200
    assert (await admin.get(f"{path}/removed-fields")).json()["items"] == []


async def test_records_without_a_value_are_given_one_and_who_edits_is_left(admin: httpx.AsyncClient) -> None:
    path = await make(admin, "Plates")
    await admin.post(f"{path}/fields", json={"name": "State", "kind": "choice", "choices": ["Whole", "Broken"]})
    numbers = [await add(admin, path, title=f"Plate {n}") for n in range(3)]
    taken = (await admin.post(f"{path}/records/{numbers[0]}/lock")).json()
    wrong = await admin.post(f"{path}/fields/state/fill", json={"value": "Chipped"})
    assert problem_of(wrong) == (422, "invalid")
    key = {"idempotency-key": "fill-1"}
    filled = await admin.post(f"{path}/fields/state/fill", json={"value": "Whole"}, headers=key)
    assert filled.json() == {"left": 1}, filled.text
    await admin.delete(f"{path}/records/{numbers[0]}/lock", headers={"lock": taken["lock"]})
    again = await admin.post(f"{path}/fields/state/fill", json={"value": "Whole"}, headers=key)
    assert again.json() == {"left": 1}, "the first answer again"
    assert (await admin.post(f"{path}/fields/state/fill", json={"value": "Whole"})).json() == {"left": 0}
    records = (await admin.get(path + RECORDS)).json()["items"]
    assert len({each["values"]["state"] for each in records}) == 1


async def test_values_that_a_program_gives_back_as_it_got_them_are_not_judged(admin: httpx.AsyncClient) -> None:
    path = await make(admin, "Judged")
    for name, kind, options in (("Stars", "rating", {"most": 10}), ("Weight", "decimal", {})):
        added = await admin.post(f"{path}/fields", json={"name": name, "kind": kind, "options": options})
        assert added.status_code == 201, added.text
    number = await add(admin, path, title="Before", stars=9, weight="1.23456")
    for key, options in (("stars", {"most": 5}), ("weight", {"digits": 2})):
        narrowed = await change_as_read(admin, f"{path}/fields/{key}", {"options": options})
        assert narrowed.status_code == 200, narrowed.text
    record = f"{path}{RECORDS}/{number}"
    got = (await admin.get(record)).json()["values"]
    changed = await change_as_read(admin, record, {"values": {**got, "title": "After"}})
    assert changed.status_code == 200, changed.text
    assert changed.json()["values"] == {**got, "title": "After"}
    for wrong in ({"stars": 8}, {"stars": True}, {"weight": "1.2345"}):
        assert problem_of(await change_as_read(admin, record, {"values": wrong})) == (422, "invalid")
