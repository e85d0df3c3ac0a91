"""A list that is read part by part has everything once, whatever is added to it or taken from it meanwhile."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.programs.lists import cut_part
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


@pytest.mark.parametrize("path", LISTS)
async def test_what_is_added_meanwhile_moves_nothing(shared_server: Server, let_in: LetIn, path: str) -> None:
    ana = await let_in("ana@acme.test")
    for _ in range(4):
        await LISTS[path](ana, shared_server)
    listed = (await ana.get(f"{API}{path}", params={"limit": 200})).json()["items"][:6]
    got: list[Any] = []
    asked: dict[str, str] = {}
    while len(got) < len(listed):
        part = (await ana.get(f"{API}{path}", params={"limit": 2, **asked})).json()
        got += [each for each in part["items"] if each in listed]
        assert len(part["items"]) == 2 or part["next"] is None
        if part["next"] is None:
            break
        asked = {"next": part["next"]}
        await LISTS[path](ana, shared_server)
    assert got[: len(listed)] == listed


def test_a_list_goes_on_behind_what_came_last_or_stood_there() -> None:
    def cut(items: str, following: str = "") -> tuple[str, str | None]:
        shown, place = cut_part(items, 2, following, str)
        return "".join(shown), place

    assert cut("") == ("", None)
    assert cut("ab") == ("ab", None)
    shown, place = cut("abcde")
    assert (shown, cut("abcde", place or "")[0]) == ("ab", "cd")
    assert cut("xabcde", place or "")[0] == "cd", "something has come before"
    assert cut("bcde", place or "")[0] == "cd", "something has gone before"
    assert cut("acde", place or "")[0] == "cd", "what came last has gone"
    assert cut("ab", place or "") == ("", None)
    assert cut("", place or "") == ("", None)
