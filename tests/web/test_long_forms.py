"""Forms that are long: read aside, taken from whoever is signed in, and from strangers now and then."""

from __future__ import annotations

import threading
from contextlib import aclosing
from typing import Any
from unittest import mock

import httpx
import pytest
from litestar.exceptions import ClientException

from app.web import forms
from app.web.forms import LONG_FORM, MOST_PAIRS, SHOWN_APART, parse_form, read_form
from tests.conftest import Server

LONG = f"for-member=1&table={'%C3%A9' * LONG_FORM}".encode()


class Asked:
    """A request with a form."""

    method = "POST"
    headers = httpx.Headers({"content-type": "application/x-www-form-urlencoded"})

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.app = self.state = self

    async def check_sender(self, request: Any) -> None:
        """It may be anybody's."""

    async def body(self) -> bytes:
        return self.content


async def read(content: bytes) -> Any:
    request: Any = Asked(content)
    return await read_form(request)


@pytest.mark.parametrize(("content", "aside"), [(b"text=short", False), (LONG, True)])
async def test_a_long_form_is_read_in_a_thread(content: bytes, aside: bool) -> None:
    threads: list[threading.Thread] = []

    def parse(body: bytes) -> Any:
        threads.append(threading.current_thread())
        return parse_form(body)

    with mock.patch.object(forms, "parse_form", parse):
        form = await read(content)
    assert form["text"] or form["table"]
    assert [each is not threading.main_thread() for each in threads] == [aside]


async def test_a_tick_in_each_of_many_places_is_a_form_and_more_than_ours_have_is_none() -> None:
    form = await read("&".join(f"f{number % 200}=%23{number // 200}" for number in range(20_000)).encode())
    assert len(form.values["f7"]) == 100
    with pytest.raises(ClientException):
        await read(b"a&" * (MOST_PAIRS + 1))


async def test_a_stranger_sends_few_long_forms_and_a_member_as_many_as_they_like(server: Server) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    async with aclosing(server.client("acme")) as stranger, aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        answers = [await stranger.post("/c/books/import", content=LONG, headers=headers) for _ in range(31)]
        assert [answer.status_code for answer in answers] == [401] * 30 + [429]
        assert "é" * 100 in answers[0].text  # whoever was signed out meanwhile sees what they typed
        assert "é" not in answers[-1].text
        assert int(answers[-1].headers["retry-after"]) <= 3600
        assert (await stranger.post("/c/books/import", data={"table": "short"})).status_code == 303
        assert (await ana.post("/c/books/import", content=LONG, headers=headers)).status_code == 422


async def test_what_was_typed_into_very_many_fields_is_shown_as_a_few_texts(shared_server: Server) -> None:
    content = "for-member=1&" + "&".join(f"a{number}=typed-{number}" for number in range(3_000))
    headers = {"content-type": "application/x-www-form-urlencoded"}
    async with aclosing(shared_server.client("acme")) as stranger:
        answer = await stranger.post("/c/books/import", content=content.encode(), headers=headers)
    assert answer.status_code == 401
    assert answer.text.count("<textarea") == SHOWN_APART + 1
    assert all(f"typed-{number}" in answer.text for number in (0, 41, 2_999))
