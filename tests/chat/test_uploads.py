"""Keys of uploads: what comes again is the file that is there, and a page takes out what it got no answer about."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from tests.conftest import Server

ROOM = "/chat/general"
CALL = {"x-page": "1"}


@pytest.fixture
async def ana(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as client:
        yield client


async def bring(client: httpx.AsyncClient, upload: str, room: str = ROOM, *, status: int = 200) -> list[str]:
    """Bring a file with the key of an upload; the ids of what is in the answer."""
    files = {"file": ("plan.txt", b"words")}
    answer = await client.post(f"{room}/files", files=files, data={"upload": upload}, headers=CALL)
    assert answer.status_code == status, answer.text
    return re.findall(r'name="file" value="(\d+)"', answer.text)


async def take_out(client: httpx.AsyncClient, upload: str) -> int:
    return (await client.post("/files/take-out", data={"upload": upload}, headers=CALL)).status_code


def in_box(page: httpx.Response) -> list[str]:
    """The keys of the files in the box of a page."""
    return re.findall(r'<li class="file" data-upload="([^"]*)"><input type="hidden" name="file"', page.text)


def on_disk(server: Server) -> int:
    return len([path for path in (server.data_dir / "files").rglob("*") if path.is_file()])


async def test_an_upload_that_comes_again_is_the_file_that_is_there(server: Server, ana: httpx.AsyncClient) -> None:
    first = await bring(ana, "once")
    assert await bring(ana, "once") == first
    assert in_box(await ana.get(ROOM)) == ["once"]
    assert on_disk(server) == 1
    async with aclosing(await server.sign_in("acme", "carla@acme.test")) as carla:
        assert await bring(carla, "once") != first, "keys are a member's own"
    await bring(ana, "x" * 41, status=422)
    assert (await ana.post(ROOM, data={"key": "k", "text": "", "file": first}, headers=CALL)).status_code == 200
    await bring(ana, "once", status=422)
    assert in_box(await ana.get(ROOM)) == []
    assert on_disk(server) == 2


async def test_an_upload_is_taken_out_by_its_key_until_it_is_sent(server: Server, ana: httpx.AsyncClient) -> None:
    assert await take_out(ana, "out") == 404, "it has not come"
    (file,) = await bring(ana, "out")
    assert await take_out(ana, "out") == 204
    assert (await ana.get(f"/files/{file}")).status_code == 404
    assert in_box(await ana.get(ROOM)) == []
    assert on_disk(server) == 0
    assert await take_out(ana, "out") == 404
    refused = await ana.post(ROOM, data={"key": "k", "text": "With it", "file": file}, headers=CALL)
    assert refused.status_code == 422
    kept = await bring(ana, "sent")
    await ana.post(ROOM, data={"key": "sent", "text": "", "file": kept}, headers=CALL)
    assert await take_out(ana, "sent") == 404, "it is its message's"
    assert (await ana.get(f"/files/{kept[0]}")).status_code == 200
    without = await ana.post(f"{ROOM}/files", files={"file": ("plan.txt", b"words")}, headers=CALL)
    (key,) = in_box(without)
    assert await take_out(ana, key) == 204, "one that came without a key has one all the same"
    assert await take_out(ana, "") == 404


async def test_an_upload_is_taken_out_by_its_own_member_alone(server: Server, ana: httpx.AsyncClient) -> None:
    (file,) = await bring(ana, "mine")
    for slug, email in (("acme", "carla@acme.test"), ("globex", "gil@globex.test")):
        async with aclosing(await server.sign_in(slug, email)) as other:
            assert await take_out(other, "mine") == 404
    anonymous = await ana.post("/files/take-out", data={"upload": "mine"}, headers={**CALL, "cookie": ""})
    assert anonymous.status_code == 401
    assert (await ana.get(f"/files/{file}")).status_code == 200


async def test_who_is_taken_out_of_a_room_has_no_upload_there(server: Server, ana: httpx.AsyncClient) -> None:
    room = (await ana.post("/chat/new", data={"name": "Vault", "private": "yes"})).headers["location"].partition("?")[0]
    member = server.store.rows("SELECT id FROM member WHERE email = 'carla@acme.test'")[0][0]
    await ana.post(f"{room}/invite", data={"person": f"#{member}"})
    async with aclosing(await server.sign_in("acme", "carla@acme.test")) as carla:
        await bring(carla, "there", room)
        await bring(carla, "there", status=422)
        await ana.post(f"{room}/remove", data={"person": member})
        assert await take_out(carla, "there") == 404


async def test_an_archived_room_takes_no_file(server: Server, ana: httpx.AsyncClient) -> None:
    room = (await ana.post("/chat/new", data={"name": "Closed"})).headers["location"].partition("?")[0]
    await bring(ana, "before", room)
    assert (await ana.post(f"{room}/archive", data={"archived": "yes"})).status_code == 303
    answer = await ana.post(f"{room}/files", files={"file": ("plan.txt", b"words")}, headers=CALL)
    assert (answer.status_code, answer.text) == (403, "This room is archived: you can read it, but not write in it.")
    assert server.store.rows("SELECT count(*) FROM attachment") == [(1,)]


async def test_a_file_goes_with_the_message_of_its_box_and_with_no_other(
    server: Server, ana: httpx.AsyncClient
) -> None:
    """Two boxes of one person: what was brought to one is in it, or in the one that goes on with its draft."""

    async def say(key: str, file: str, **more: str) -> int:
        form = {"key": key, "text": f"With {key}", "file": file, **more}
        return (await ana.post(ROOM, data=form, headers=CALL)).status_code

    async def hold(upload: str, **more: str) -> None:
        answer = await ana.post("/files/hold", data={"upload": upload, **more}, headers=CALL)
        assert answer.status_code == 204, answer.text

    files = {"file": ("plan.txt", b"words")}
    for upload in ("plan", "list"):
        await ana.post(f"{ROOM}/files", files=files, data={"upload": upload, "box": "one"}, headers=CALL)
    plan, other = re.findall(r'name="file" value="(\d+)"', (await ana.get(ROOM)).text)
    assert in_box(await ana.get(ROOM)) == ["plan", "list"], "nothing else was typed"
    assert await say("two", plan) == 422
    await hold("plan", held="two", box="two")
    assert await say("two", plan) == 422, "who does not have it can't give it away"
    await ana.post(f"{ROOM}/draft", data={"text": "Something else", "key": "two", "reply": ""}, headers=CALL)
    page = await ana.get(ROOM)
    assert re.search(r"data-files>\s*</ul>", page.text), "they belong to what was typed with them"
    await ana.post(f"{ROOM}/draft", data={"text": "", "key": "two", "reply": ""}, headers=CALL)
    await hold("plan", held="one", **{"taken-by": "sent"})
    assert in_box(await ana.get(ROOM)) == ["list"], "a message has it that is on its way"
    assert await say("one", plan) == 422, "the same draft in another tab"
    await hold("plan", held="one", box="three")
    assert await say("three", plan) == 422, "it was taken before"
    assert await say("one", plan, held="sent") == 200
    await hold("list", held="one", **{"taken-by": "other"})
    await hold("list", held="other", box="four")
    assert await say("four", other) == 200, "it was taken back into the box"
