"""A list that is read part by part has everything once, whatever is added to it or taken from it meanwhile."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.programs.lists import cut_part, write_cursor
from tests.conftest import Server
from tests.programs.conftest import API, LetIn, add_token

MESSAGES = f"{API}/rooms/general/messages"


async def make(client: httpx.AsyncClient, path: str, **body: Any) -> Any:
    answer = await client.post(f"{API}{path}", json=body or None)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


async def say(client: httpx.AsyncClient) -> int:
    return int((await make(client, "/rooms/general/messages", text="Listed"))["number"])


async def pin(client: httpx.AsyncClient, _: Server) -> None:
    await make(client, f"/rooms/general/messages/{await say(client)}/pin")


async def save(client: httpx.AsyncClient, _: Server) -> None:
    await make(client, f"/rooms/general/messages/{await say(client)}/saved")


async def add_room(client: httpx.AsyncClient, _: Server) -> None:
    await make(client, "/rooms", name=f"A {secrets.token_hex(4)}")


async def archive_room(client: httpx.AsyncClient, _: Server) -> None:
    room = await make(client, "/rooms", name=f"Over {secrets.token_hex(4)}")
    await make(client, f"/rooms/{room['slug']}/archive")


async def delete_collection(client: httpx.AsyncClient, _: Server) -> None:
    made = await make(client, "/collections", name=f"Lamps {secrets.token_hex(4)}", first="Name")
    assert (await client.delete(f"{API}/collections/{made['slug']}")).status_code == 204


async def remove_field(client: httpx.AsyncClient, _: Server) -> None:
    made = await make(client, "/collections/books/fields", name=f"Mark {secrets.token_hex(4)}", kind="text")
    seen = await client.get(f"{API}/collections/books/fields/{made['key']}")
    removed = await client.delete(
        f"{API}/collections/books/fields/{made['key']}", headers={"if-match": seen.headers["etag"]}
    )
    assert removed.status_code == 204, removed.text


async def mute(client: httpx.AsyncClient, _: Server) -> None:
    made = await make(client, "/collections/books/records", values={"title": "Muted", "author": "A"})
    await make(client, "/notifications/mutes", subject=made["channel"].replace(".", "-"))


async def let_another_in(_: httpx.AsyncClient, server: Server) -> None:
    add_token(server, "acme", "ana@acme.test")


LISTS: dict[str, Callable[[httpx.AsyncClient, Server], Awaitable[None]]] = {
    "/rooms/general/pins": pin,
    "/saved": save,
    "/rooms": add_room,
    "/archived-rooms": archive_room,
    "/deleted-collections": delete_collection,
    "/collections/books/removed-fields": remove_field,
    "/notifications/mutes": mute,
    "/tokens": let_another_in,
}


def read_items(answer: httpx.Response) -> list[Any]:
    """What a list has, without what changes by itself: when a token was used last, and from where."""
    return [
        {name: value for name, value in each.items() if not name.startswith("used_")} for each in answer.json()["items"]
    ]


@pytest.mark.parametrize("path", LISTS)
async def test_what_is_added_meanwhile_moves_nothing(shared_server: Server, let_in: LetIn, path: str) -> None:
    ana = await let_in("ana@acme.test")
    for _ in range(4):
        await LISTS[path](ana, shared_server)
    listed = read_items(await ana.get(f"{API}{path}", params={"limit": 200}))[:6]
    got: list[Any] = []
    asked: dict[str, str] = {}
    while len(got) < len(listed):
        answer = await ana.get(f"{API}{path}", params={"limit": 2, **asked})
        part = answer.json()
        got += [each for each in read_items(answer) if each in listed]
        assert len(part["items"]) == 2 or part["next"] is None
        if part["next"] is None:
            break
        asked = {"next": part["next"]}
        await LISTS[path](ana, shared_server)
    assert got[: len(listed)] == listed


TAKES_OFF: dict[str, Callable[[Any], tuple[str, str]]] = {
    "/rooms/general/pins": lambda each: ("DELETE", f"/rooms/general/messages/{each['number']}/pin"),
    "/saved": lambda each: ("DELETE", f"/rooms/general/messages/{each['number']}/saved"),
    "/rooms": lambda each: ("POST", f"/rooms/{each['slug']}/archive"),
    "/deleted-collections": lambda each: ("POST", f"/collections/{each['slug']}/restore"),
    "/collections/books/removed-fields": lambda each: (
        "POST",
        f"/collections/books/fields/{each['field']['key']}/restore",
    ),
    "/notifications/mutes": lambda each: ("DELETE", f"/notifications/mutes/{each['subject']}"),
}


@pytest.mark.parametrize("path", TAKES_OFF)
async def test_who_takes_off_what_they_have_read_part_by_part_reads_everything(
    shared_server: Server, let_in: LetIn, path: str
) -> None:
    ana = await let_in("ana@acme.test")
    for _ in range(6):
        await LISTS[path](ana, shared_server)
    listed = (await ana.get(f"{API}{path}", params={"limit": 200})).json()["items"]
    got: list[Any] = []
    asked: dict[str, str] = {}
    while True:
        part = (await ana.get(f"{API}{path}", params={"limit": 3, **asked})).json()
        got += part["items"]
        for each in part["items"]:
            method, address = TAKES_OFF[path](each)
            answer = await ana.request(method, f"{API}{address}")
            assert answer.status_code < 300 or each.get("slug") == "general", answer.text
        if part["next"] is None:
            break
        asked = {"next": part["next"]}
    assert got == listed


async def test_a_place_is_of_the_list_that_gave_it(shared_server: Server, let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test")
    places: dict[str, str] = {}
    for path in [*TAKES_OFF, "/rooms/general/members"]:
        for _ in range(2):
            if path in LISTS:
                await LISTS[path](ana, shared_server)
        places[path] = (await ana.get(f"{API}{path}", params={"limit": 1})).json()["next"]
    for path in places:
        for other, place in [*places.items(), ("", write_cursor("", 1)), ("", write_cursor("", 1, 1))]:
            answer = await ana.get(f"{API}{path}", params={"next": place})
            assert answer.status_code == (200 if other == path else 400), (path, other)
    await make(ana, "/rooms", name="Another")
    answer = await ana.get(f"{API}/rooms/another/members", params={"next": places["/rooms/general/members"]})
    assert answer.status_code == 400, "the list of another room is another list"


def test_a_list_goes_on_behind_what_came_last_or_would_stand_there() -> None:
    def cut(items: str, following: str = "") -> tuple[str, str | None]:
        shown, place = cut_part(items, 2, following, "letters", lambda each: (each,), str)
        return "".join(shown), place

    assert cut("") == ("", None)
    assert cut("ab") == ("ab", None)
    shown, place = cut("bcdef")
    assert (shown, cut("bcdef", place or "")[0]) == ("bc", "de")
    assert cut("abcdef", place or "")[0] == "de", "something has come before"
    assert cut("def", place or "")[0] == "de", "all that came has gone"
    assert cut("bdef", place or "")[0] == "de", "what came last has gone"
    assert cut("bc", place or "") == ("", None)
    assert cut("", place or "") == ("", None)
