"""One rule for what comes with a key again: the same is the same message, and anything else is refused."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from app.chat.posting import fingerprint_message
from tests.conftest import Server

ROOM = "/chat/general"
CALL = {"x-page": "1"}


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as client:
        yield client


async def post(client: httpx.AsyncClient, address: str = ROOM, **form: Any) -> httpx.Response:
    return await client.post(address, data=form, headers=CALL)


async def bring(client: httpx.AsyncClient, name: str = "plan.txt") -> int:
    """Bring a file to the box of the general room."""
    answer = await client.post(f"{ROOM}/files", files=[("file", (name, b"words"))], headers=CALL)
    return int(re.findall(r'name="file" value="(\d+)"', answer.text)[0])


async def count(client: httpx.AsyncClient, text: str) -> int:
    """How often a text is shown in the general room."""
    return (await client.get(f"{ROOM}?at=end")).text.count(f"<p>{text}</p>")


async def test_the_same_with_the_same_key_is_the_same_message(ana: httpx.AsyncClient) -> None:
    answered = (await post(ana, text="What is it", key="answered")).json()["id"]
    files = [await bring(ana, "one.txt"), await bring(ana, "two.txt")]
    form = {"text": "It is this", "key": "same", "reply": answered}
    first = await post(ana, **form, file=files)
    assert first.status_code == 200
    for again in (
        {**form, "file": files},
        {**form, "file": files[::-1]},
        {**form, "text": "It is this\r\n", "file": files},
    ):
        answer = await post(ana, **again)
        assert (answer.status_code, answer.json()) == (200, first.json())
    assert await count(ana, "It is this") == 1


@pytest.mark.parametrize("what", ["text", "reply", "no reply", "files", "no files", "room"])
async def test_anything_else_with_the_same_key_is_refused_with_what_is_stored(
    ana: httpx.AsyncClient, what: str
) -> None:
    key = f"else {what}"
    answered, other = [(await post(ana, text="Which", key=f"{key} {n}")).json()["id"] for n in range(2)]
    file, another = await bring(ana), await bring(ana)
    form = {"text": "This one", "key": key, "reply": answered, "file": [file]}
    stored = (await post(ana, **form)).json()
    changed: dict[str, Any] = {
        "text": {"text": "That one"},
        "reply": {"reply": other},
        "no reply": {"reply": ""},
        "files": {"file": [file, another]},
        "no files": {"file": []},
        "room": {},
    }[what]
    address = "/chat/board-of-keys" if what == "room" else ROOM
    if what == "room":
        await ana.post("/chat/new", data={"name": "Board of keys"})
    answer = await post(ana, address, **(form | changed))
    assert answer.status_code == 409
    told = answer.json()
    assert (told["id"], told["text"], told["reply"], told["files"]) == (stored["id"], "This one", answered, [file])
    assert told["deleted"] is False


async def test_what_became_of_a_message_does_not_change_what_was_sent(ana: httpx.AsyncClient) -> None:
    for end in ("edit", "delete"):
        form = {"text": f"Before {end}", "key": f"before {end}"}
        number = (await post(ana, **form)).json()["number"]
        await ana.post(f"{ROOM}/messages/{number}/{end}", data={"text": "After"}, headers=CALL)
        again = await post(ana, **form)
        assert (again.status_code, again.json()["number"]) == (200, number)
        assert await count(ana, f"Before {end}") == 0
        other = await post(ana, **(form | {"text": "After"}))
        assert other.status_code == 409
        assert other.json()["deleted"] is (end == "delete")


async def test_a_key_is_of_one_member_alone(shared_server: Server, ana: httpx.AsyncClient) -> None:
    mine = (await post(ana, text="Mine", key="shared key")).json()["id"]
    for slug, email in (("acme", "carla@acme.test"), ("globex", "gil@globex.test")):
        async with aclosing(await shared_server.sign_in(slug, email)) as other:
            answer = await post(other, text="Theirs", key="shared key")
            assert answer.status_code == 200
            assert answer.json()["id"] != mine


async def test_a_page_sends_nothing_for_somebody_who_is_not_signed_in_any_more(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    async with aclosing(await shared_server.sign_in("acme", "carla@acme.test")) as carla:
        whose = re.findall(r'data-member="(\d+)"', (await carla.get("/")).text)[0]
        for path in (ROOM, f"{ROOM}/draft", f"{ROOM}/typing"):
            answer = await ana.post(
                path, data={"text": "Carla's", "key": "Carla's"}, headers=CALL | {"x-member": whose}
            )
            assert (answer.status_code, "Sign in again" in answer.text) == (401, True)
            assert (
                await carla.post(path, data={"text": "", "key": ""}, headers={"x-member": whose})
            ).status_code != 401
    assert await count(ana, "Carla's") == 0


async def test_a_message_whose_answered_one_is_gone_is_refused_and_nothing_is_lost(ana: httpx.AsyncClient) -> None:
    answered = (await post(ana, text="Soon gone", key="soon gone")).json()
    form = {"text": "My answer", "key": "answer to none", "reply": answered["id"]}
    await ana.post(f"{ROOM}/draft", data=form, headers=CALL)
    assert f'name="reply" value="{answered["id"]}"' in (await ana.get(ROOM)).text
    await ana.post(f"{ROOM}/messages/{answered['number']}/delete", headers=CALL)
    assert "It was deleted." in (await ana.get(ROOM)).text
    refused = await post(ana, **form)
    assert (refused.status_code, refused.text[:40]) == (410, "The message you replied to was deleted. ")
    page = await ana.post(ROOM, data=form)
    assert page.status_code == 410
    assert "The message you replied to was deleted." in page.text
    assert ">My answer</textarea>" in page.text
    assert 'name="reply" value=""' in page.text
    assert await count(ana, "My answer") == 0
    assert (await ana.post(ROOM, data=form | {"reply": ""})).status_code == 303
    assert await count(ana, "My answer") == 1


async def test_a_file_that_is_gone_is_not_left_out_in_silence(shared_server: Server, ana: httpx.AsyncClient) -> None:
    mine = await bring(ana)
    async with aclosing(await shared_server.sign_in("acme", "carla@acme.test")) as carla:
        others = await bring(carla)
    sent = await bring(ana)
    await post(ana, text="With one", key="with one", file=[sent])
    for gone in (others, sent, 99_999):
        answer = await post(ana, text="With two", key=f"with {gone}", file=[mine, gone])
        assert (answer.status_code, answer.text) == (422, "A file is no longer available. Attach it again.")
    assert (await post(ana, text="With two", key="with two", file=[mine])).status_code == 200


async def test_what_was_taken_back_is_not_said_twice(ana: httpx.AsyncClient) -> None:
    first = (await post(ana, text="First words", key="taken back")).json()
    refused = await post(ana, text="Better words", key="instead", instead="taken back")
    assert (refused.status_code, refused.json()["id"], refused.json()["text"]) == (409, first["id"], "First words")
    assert await count(ana, "Better words") == 0
    assert (await post(ana, text="Better words", key="instead", instead="never came")).status_code == 200
    assert (await post(ana, text="Better words", key="instead", instead="never came")).status_code == 200
    assert await count(ana, "Better words") == 1


async def test_all_that_was_taken_back_is_looked_up(ana: httpx.AsyncClient) -> None:
    first = (await post(ana, text="Came through", key="the last of many")).json()
    instead = [*(f"one of many {number}" for number in range(30)), "the last of many"]
    refused = await post(ana, text="All of it", key="instead of many", instead=instead)
    assert (refused.status_code, refused.json()["id"]) == (409, first["id"])
    assert await count(ana, "All of it") == 0


async def test_a_draft_goes_with_its_own_message_alone_and_keeps_what_it_answers(ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/new", data={"name": "Drafts"})
    room = made.headers["location"]
    await post(ana, f"{room}/draft", text="Typed since", key="second")
    assert (await post(ana, room, text="Typed before", key="first")).status_code == 200
    page = (await ana.get(room)).text
    assert ">Typed since</textarea>" in page
    assert 'name="key" value="second"' in page
    assert (await post(ana, room, text="Typed since", key="second")).status_code == 200
    assert ">Typed since</textarea>" not in (await ana.get(room)).text
    late = await post(ana, f"{room}/draft", text="Typed si", key="second")
    assert (late.status_code, late.json()["text"]) == (409, "Typed since")


async def test_an_edit_that_comes_late_replaces_no_later_one(ana: httpx.AsyncClient) -> None:
    number = (await post(ana, text="One", key="edited late")).json()["number"]
    address = f"{ROOM}/messages/{number}/edit"
    assert 'name="edits" value="0"' in (await ana.get(address)).text
    for _ in range(2):  # the answer to the first was lost
        assert (await post(ana, address, text="Two", edits="0")).status_code == 204
    assert (await post(ana, address, text="Three", edits="1")).status_code == 204
    late = await post(ana, address, text="Two", edits="0")
    assert (late.status_code, late.json()["text"], late.json()["edits"]) == (409, "Three", 2)
    page = await ana.post(address, data={"text": "Two", "edits": "0"})
    assert page.status_code == 409
    assert "You changed this message somewhere else." in page.text
    assert ">Two</textarea>" in page.text
    assert 'name="edits" value="2"' in page.text
    assert (await ana.post(address, data={"text": "Two", "edits": "2"})).status_code == 303


async def test_an_edit_of_a_deleted_message_is_refused_and_its_text_kept(ana: httpx.AsyncClient) -> None:
    number = (await post(ana, text="Gone soon", key="edited gone")).json()["number"]
    address = f"{ROOM}/messages/{number}/edit"
    await ana.post(f"{ROOM}/messages/{number}/delete", headers=CALL)
    refused = await post(ana, address, text="Much better")
    assert (refused.status_code, refused.text) == (410, "This message has been deleted.")
    page = await ana.post(address, data={"text": "Much better"})
    assert page.status_code == 410
    assert ">Much better</textarea>" in page.text


def test_a_fingerprint_is_of_all_that_is_sent() -> None:
    sent: dict[str, Any] = {"room_id": 1, "text": "a", "reply_to_id": 2, "files": [3, 4]}
    same = fingerprint_message("k", **sent)
    assert len(same) == 64
    assert fingerprint_message("k", **(sent | {"files": [4, 3, 3]})) == same
    changes: list[dict[str, Any]] = [{"room_id": 2}, {"text": "b"}, {"reply_to_id": 0}, {"files": [3]}]
    others = [fingerprint_message("k", **(sent | change)) for change in changes]
    assert len({same, fingerprint_message("l", **sent), *others}) == 6
