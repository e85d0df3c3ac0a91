"""Messages, as programs read, post, change and answer them; and the files that go with them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.programs.conftest import API, LetIn, problem_of

GENERAL = f"{API}/rooms/general"
MESSAGES = f"{GENERAL}/messages"
ANA = "ana@acme.test"


@pytest.fixture
async def program(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in(ANA, name="nightly")


async def say(program: httpx.AsyncClient, text: str, **more: Any) -> dict[str, Any]:
    answer = await program.post(MESSAGES, json={"text": text, **more})
    assert answer.status_code == 201, answer.text
    said: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{MESSAGES}/{said['number']}"
    return said


async def test_a_message_is_read_changed_and_deleted(program: httpx.AsyncClient) -> None:
    said = await say(program, "First words")
    path = f"{MESSAGES}/{said['number']}"
    read = await program.get(path)
    assert read.json() == said
    assert said["version"] == 1
    assert read.headers["etag"].startswith('"1-')
    assert read.json()["program"] == "nightly"
    changed = await program.patch(path, json={"text": "Other words"}, headers={"if-match": read.headers["etag"]})
    assert (changed.json()["text"], changed.json()["version"]) == ("Other words", 2)
    late = await program.patch(path, json={"text": "Late words"}, headers={"if-match": '"1"'})
    assert problem_of(late) == (412, "version-changed")
    assert late.json()["version"] == 2
    assert problem_of(await program.patch(path, json={"text": "Words"})) == (428, "precondition-required")
    (before,) = (await program.get(f"{path}/revisions")).json()["items"]
    assert (before["version"], before["text"]) == (1, "First words")
    assert (await program.delete(path)).status_code == 204
    assert (await program.delete(path)).status_code == 204, "what is deleted already is no error"
    gone = (await program.get(path)).json()
    assert gone["text"] == ""
    assert gone["deleted_at"]
    answer = await program.patch(path, json={"text": "Again"}, headers={"if-match": '"1"'})
    assert problem_of(answer) == (410, "gone")


async def test_anothers_message_is_not_changed_and_an_admin_may_delete_it(let_in: LetIn) -> None:
    carla, ana = await let_in("carla@acme.test"), await let_in(ANA)
    path = f"{MESSAGES}/{(await say(carla, 'Mine'))['number']}"
    for client in (ana, await let_in("bruno@acme.test")):
        answer = await client.patch(path, json={"text": "Yours"}, headers={"if-match": '"1"'})
        assert problem_of(answer) == (403, "forbidden")
    assert (await ana.get(path)).json()["text"] == "Mine"
    assert (await ana.delete(path)).status_code == 204


async def test_messages_are_listed_before_and_after_one(program: httpx.AsyncClient) -> None:
    numbers = [(await say(program, f"Line {each}"))["number"] for each in range(5)]

    async def ask(**asked: int | str) -> Any:
        answer = await program.get(MESSAGES, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def numbers_of(part: Any) -> list[int]:
        return [each["number"] for each in part["items"]]

    assert numbers_of(await ask(limit=3)) == numbers[:1:-1]
    assert numbers_of(await ask(before=numbers[2], limit=2)) == numbers[1::-1]
    first = await ask(after=numbers[0], limit=2)
    assert numbers_of(first) == numbers[1:3]
    second = await ask(after=numbers[0], limit=2, next=first["next"])
    assert numbers_of(second) == numbers[3:]
    assert second["next"] is None
    assert numbers_of(await ask(after=numbers[0], before=numbers[3])) == numbers[1:3]
    assert numbers_of(await ask(after=numbers[-1])) == []


async def test_replies_and_reactions_belong_to_a_message(program: httpx.AsyncClient, let_in: LetIn) -> None:
    said = await say(program, "A question")
    path = f"{MESSAGES}/{said['number']}"
    answered = await say(program, "An answer", reply_to=said["number"])
    assert [each["number"] for each in (await program.get(f"{path}/replies")).json()["items"]] == [answered["number"]]
    carla = await let_in("carla@acme.test")
    for client in (program, carla, carla):
        put = await client.post(f"{path}/reactions", json={"emoji": "❤"})
        assert put.status_code == 200, put.text
    (reaction,) = (await program.get(f"{path}/reactions")).json()["items"]
    assert (reaction["emoji"], [each["name"] for each in reaction["people"]]) == ("❤️", ["Ana", "Carla"])
    assert (await program.get(path)).json()["reactions"] == [reaction]
    for _ in range(2):
        assert (await carla.delete(f"{path}/reactions/❤️")).status_code == 204
    assert [each["name"] for each in (await program.get(path)).json()["reactions"][0]["people"]] == ["Ana"]
    assert problem_of(await program.post(f"{path}/reactions", json={"emoji": "x"})) == (422, "invalid")


async def test_a_file_goes_with_a_message_and_is_fetched_whole_and_in_part(
    program: httpx.AsyncClient, let_in: LetIn
) -> None:
    content = bytes(range(256)) * 4096  # a megabyte
    brought = await program.post(f"{GENERAL}/files", params={"name": "numbers.bin"}, content=content)
    assert brought.status_code == 201, brought.text
    file = brought.json()
    assert (file["name"], file["size"]) == ("numbers.bin", len(content))
    path = f"{API}/files/{file['id']}"
    carla = await let_in("carla@acme.test")
    assert problem_of(await carla.get(path)) == (404, "not-found")
    said = await say(program, "", files=[file["id"]])
    assert said["files"] == [file]
    whole = await carla.get(path)
    assert whole.content == content
    assert whole.headers["accept-ranges"] == "bytes"
    tag = whole.headers["etag"]
    for asked, part in (("0-0", content[:1]), ("1000-", content[1000:]), ("-5", content[-5:]), ("5-9", content[5:10])):
        answer = await carla.get(path, headers={"range": f"bytes={asked}", "if-range": tag})
        assert (answer.status_code, answer.content) == (206, part), asked
        assert answer.headers["content-range"].endswith(f"/{len(content)}")
    for asked in ("5-1", "x", "0-1,3-4"):
        assert (await carla.get(path, headers={"range": f"bytes={asked}"})).status_code == 200, asked
    assert (await carla.get(path, headers={"range": "bytes=0-1", "if-range": '"other"'})).status_code == 200
    beyond = await carla.get(path, headers={"range": f"bytes={len(content)}-"})
    assert problem_of(beyond) == (416, "range-not-satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(content)}"
    assert (await carla.get(path, headers={"if-none-match": tag})).status_code == 304
    assert problem_of(await program.post(MESSAGES, json={"files": [file["id"]]})) == (422, "invalid")


async def test_an_upload_is_stored_once_for_each_key_and_within_the_limits(
    program: httpx.AsyncClient, shared_server: Server
) -> None:
    async def bring(content: bytes, key: str, name: str = "a.txt") -> httpx.Response:
        headers = {"idempotency-key": key}
        return await program.post(f"{GENERAL}/files", params={"name": name}, content=content, headers=headers)

    def count_stored() -> int:
        return sum(path.is_file() for path in (shared_server.data_dir / "files").rglob("*"))

    first = await bring(b"Once", "upload 1".replace(" ", "-"))
    stored = count_stored()
    again = await bring(b"Once", "upload-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert problem_of(await bring(b"Twice", "upload-1")) == (422, "key-reused")
    assert problem_of(await bring(b"Once", "upload-1", "b.txt")) == (422, "key-reused")
    assert problem_of(await bring(b"", "upload-2")) == (422, "invalid")
    assert problem_of(await bring(bytes(25_000_001), "upload-3")) == (413, "too-large")
    assert problem_of(await program.post(f"{GENERAL}/files", content=b"No name")) == (422, "invalid")
    assert problem_of(await bring(b"\x89PNG\r\n\x1a\nbroken", "upload-4", "a.png")) == (422, "invalid")
    assert count_stored() == stored, "nothing is kept that nothing names"
