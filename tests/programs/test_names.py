"""What programs call things: something that people see, and nothing that turns the text of others around."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.programs.conftest import API, LetIn, change_as_read, problem_of
from tests.programs.described import DOCUMENT, OPERATIONS

OWN = f"{API}/collections/things-with-names"
# What is called something by each call, how that is called in it, and what else it takes.
NAMED: list[tuple[str, str, str, dict[str, Any]]] = [
    ("POST", f"{API}/collections", "name", {"first": "Title"}),
    ("POST", f"{API}/collections", "first", {"name": "A collection"}),
    ("PATCH", OWN, "name", {}),
    ("PATCH", OWN, "description", {}),
    ("POST", f"{OWN}/fields", "name", {"kind": "text"}),
    ("POST", f"{OWN}/fields", "help", {"name": "A field", "kind": "text"}),
    ("PATCH", f"{OWN}/fields/shade", "name", {}),
    ("PATCH", f"{OWN}/fields/shade", "help", {}),
    ("POST", f"{API}/rooms", "name", {}),
    ("POST", f"{API}/rooms", "description", {"name": "A room"}),
    ("PATCH", f"{API}/rooms/with-names", "name", {}),
    ("PATCH", f"{API}/rooms/with-names", "description", {}),
    ("PATCH", f"{API}/settings", "name", {}),
    ("PATCH", f"{API}/profile", "name", {}),
    ("POST", f"{API}/announcements", "title", {}),
]
MAY_BE_EMPTY = ("description", "help")
CALLED = {"name", "first", "title", "description", "help", "label"}
UNSEEN = ["\u200b\u200b", "\u3164", "\u2800", " \u00ad\u2060 ", "\u202e", "\x07", "\x85"]
HOSTILE = "a\u202egpj\u2066\ny\x07z\x85 \u0001b\u200dc"
CLEANED = "agpj yz b\u200dc"


@pytest.fixture
async def admin(let_in: LetIn) -> httpx.AsyncClient:
    client = await let_in("ana@acme.test", name="keeper")
    shade = {"name": "Shade", "kind": "choice", "choices": ["Red", "Blue"]}
    if (await client.get(OWN)).status_code == 404:
        for path, body in (
            (f"{API}/collections", {"name": "Things with names", "first": "Title"}),
            (f"{OWN}/fields", shade),
            (f"{API}/rooms", {"name": "With names"}),
        ):
            added = await client.post(path, json=body)
            assert added.status_code == 201, added.text
    return client


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, for the name of one."""
    if "$ref" in schema:
        return dict(DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]])
    return schema


def list_called() -> Iterator[tuple[str, str, str]]:
    """What the document has of members that something is called by: the method, the address, and the member."""
    for path, method, operation in OPERATIONS:
        content = operation.get("requestBody", {}).get("content", {})
        schema = resolve(content.get("application/json", {}).get("schema", {}))
        for name, _ in schema.get("properties", {}).items():
            if name in CALLED:
                yield method.upper(), path, name


async def call(admin: httpx.AsyncClient, method: str, path: str, body: dict[str, Any]) -> httpx.Response:
    """A call that knows the version of what it changes."""
    seen = await admin.get(path) if method == "PATCH" else None
    headers = {"if-match": seen.headers["etag"]} if seen is not None and "etag" in seen.headers else {}
    return await admin.request(method, path, json=body, headers=headers)


def test_every_member_that_something_is_called_by_is_tried() -> None:
    tried = sorted((method, name) for method, _, name, _ in NAMED)
    assert sorted((method, name) for method, _, name in list_called()) == tried


async def test_nothing_is_called_what_nobody_sees(admin: httpx.AsyncClient) -> None:
    for method, path, name, more in NAMED:
        for unseen in UNSEEN if name not in MAY_BE_EMPTY else ():
            answer = await call(admin, method, path, {**more, name: unseen})
            assert problem_of(answer) == (422, "invalid"), (method, path, ascii(unseen))
            assert [each["field"] for each in answer.json()["errors"]] == [name]


async def test_a_name_turns_no_text_around_and_is_one_line(admin: httpx.AsyncClient) -> None:
    before = (await admin.get(f"{API}/settings")).json()["name"]
    for each, (method, path, name, more) in enumerate(NAMED):
        answer = await call(admin, method, path, {**more, name: f"{HOSTILE} {each}"})
        assert answer.status_code in (200, 201), (method, path, answer.text)
        said = answer.json()
        if name == "first":
            said = {name: (await admin.get(f"{path}/{said['slug']}/fields")).json()["items"][0]["name"]}
        assert said[name] == f"{CLEANED} {each}", (method, path)
    assert (await change_as_read(admin, f"{API}/settings", {"name": before})).json()["name"] == before
    assert (await admin.patch(f"{API}/profile", json={"name": "Ana"})).json()["name"] == "Ana"


async def test_a_choice_is_called_what_people_see_and_tell_apart(admin: httpx.AsyncClient) -> None:
    for choices in (["Red", "\u200b"], ["Red", "\x07"], ["Red", "Re\u200bd"]):
        given = {"name": "Colour", "kind": "choice", "choices": choices}
        assert problem_of(await admin.post(f"{OWN}/fields", json=given)) == (422, "invalid"), ascii(choices)
    given = {"name": "Colour", "kind": "choice", "choices": ["Red", HOSTILE]}
    made = await admin.post(f"{OWN}/fields", json=given)
    assert [each["name"] for each in made.json()["choices"]] == ["Red", CLEANED]
    field = f"{OWN}/fields/{made.json()['key']}"
    one, other = made.json()["choices"]
    for name in ("\u200b", "\x07 "):
        unseen = await call(admin, "PATCH", field, {"choices": [one, {"id": other["id"], "name": name}]})
        assert problem_of(unseen) == (422, "invalid")


async def test_a_message_that_nobody_sees_is_none(admin: httpx.AsyncClient) -> None:
    for unseen in UNSEEN:
        answer = await admin.post(f"{API}/rooms/general/messages", json={"text": unseen})
        assert problem_of(answer) == (422, "invalid"), ascii(unseen)
