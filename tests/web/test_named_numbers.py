"""What a form names by a number that is none is refused in words: nothing else is done in its place, unsaid."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from app.web.forms import Form, Invalid
from tests.conftest import Server

# Numbers that are none, or that no database reaches.
NONE = ["abc", "1_0", "+1", "-1", "1.0", " 1", "٣", "9" * 19, "9" * 400]
# The forms that name a thing by a number which may be missing, and the field that does.
NAMING = [
    ("/chat/general", "reply"),
    ("/chat/general", "file"),
    ("/chat/general/draft", "reply"),
    ("/discussion/{record}", "reply"),
    ("/discussion/{record}/draft", "reply"),
    ("/c/books/fields/title", "to-place"),
    ("/c/books/fields/title", "place"),
    ("/c/books/new/draft/discard", "copy"),
    ("/notifications/read", "until"),
    ("/notifications/read-all", "until"),
]


@pytest.fixture(scope="module")
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as client:
        yield client


@pytest.mark.parametrize("is_call", [True, False], ids=["by a script", "by a form"])
@pytest.mark.parametrize(("path", "name"), NAMING)
async def test_a_number_that_is_none_is_refused_in_words(
    shared_server: Server, ana: httpx.AsyncClient, path: str, name: str, is_call: bool
) -> None:
    ((record,),) = shared_server.store.rows("SELECT min(id) FROM record WHERE tenant_id = 1")
    path = path.format(record=f"record-{record}")
    headers = {"x-page": "1"} if is_call else {}
    text = "Said to something that can't be told"
    for value in ("abc", "9" * 19):
        typed = {
            "text": text,
            "key": f"{path} {name} {value}",
            "action": "place" if name == "place" else "",
            name: value,
        }
        answer = await ana.post(path, data=typed, headers=headers)
        assert answer.status_code == 422, value
        assert "Nothing here has the number" in answer.text
    assert shared_server.store.rows("SELECT 1 FROM message WHERE text = ?", text) == []


@pytest.mark.parametrize("value", NONE)
def test_only_what_is_written_as_we_write_numbers_is_one(value: str) -> None:
    for read in (Form.number, Form.numbers):
        with pytest.raises(Invalid) as refused:
            read(Form([("reply", "1"), ("reply", value)]), "reply")
        assert len(refused.value.first.translate("en")) < 150


def test_what_is_left_empty_names_nothing() -> None:
    form = Form([("reply", ""), ("file", "3"), ("file", ""), ("file", "12"), ("place", "0")])
    assert [form.number(name) for name in ("reply", "missing", "place", "file")] == [0, 0, 0, 12]
    assert form.numbers("file") == [3, 12]


async def test_an_answer_to_what_is_no_number_leads_to_no_room_without_it(ana: httpx.AsyncClient) -> None:
    assert (await ana.get("/chat/general", params={"reply": ""})).status_code == 200
    assert (await ana.get("/chat/general", params={"reply": "abc"})).status_code == 404
