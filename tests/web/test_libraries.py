"""Libraries with large tables are brought in by the first request that needs them, in a thread and before it takes the
writer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from app.accounts.sessions import agent_reader, name_device
from app.chat.reactions import emoji_library, prepare_emoji
from app.database import check_holds_none
from app.programs.endpoints.messages import put_reaction, take_reaction
from app.web.bodies import prepare_addresses
from app.web.libraries import load_library
from app.web.mail_addresses import mail_address_judge, read_mail_address
from tests.conftest import PASSWORD
from tests.databases import Store
from tests.in_process import Program

LIBRARIES = (agent_reader, emoji_library, mail_address_judge)


@pytest.fixture(autouse=True)
def nothing_there() -> None:
    """As in a process that has just started."""
    for each in LIBRARIES:
        each.cache_clear()


def are_there() -> list[bool]:
    return [each.cache_info().currsize == 1 for each in LIBRARIES]


async def test_what_takes_long_is_done_in_a_thread_and_once() -> None:
    threads = []

    @cache
    def load() -> str:
        threads.append(threading.current_thread())
        return "tables"

    assert [await load_library(load), await load_library(load)] == ["tables", "tables"]
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


@pytest.mark.parametrize(("body", "there"), [(b"email=ana%40acme.test", 1), (b'{"a":"ana@acme.test"}', 1), (b"a=b", 0)])
async def test_addresses_are_prepared_where_there_may_be_one(body: bytes, there: int) -> None:
    await prepare_addresses(body)
    assert mail_address_judge.cache_info().currsize == there


def test_what_has_no_at_is_no_address_without_the_library() -> None:
    with pytest.raises(ValueError, match="nobody"):
        read_mail_address("nobody")
    assert are_there() == [False, False, False]


@pytest.fixture
def program(store: Store) -> Iterator[Program]:
    opened = Program(store, ("ana",))
    yield opened
    opened.close()


@pytest.fixture
def done_in_threads(program: Program, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is done in threads, with no transaction open where it is a library that is brought in."""
    done: list[Any] = []
    for each in LIBRARIES:  # making the program may have had a use for them
        each.cache_clear()
    in_thread = asyncio.to_thread

    async def note(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if function in (*LIBRARIES, name_device):
            check_holds_none()
        done.append(function)
        return await in_thread(function, *arguments, **named)

    monkeypatch.setattr(asyncio, "to_thread", note)
    return done


def test_a_reaction_brings_the_emoji_in_before_it_takes_the_writer(
    program: Program, done_in_threads: list[Any]
) -> None:
    for _ in range(2):
        assert program.post("ana", "/chat/general/messages/1/react", emoji="👍").status_code == 303
    assert done_in_threads.count(emoji_library) == 1
    assert {each.opt["prepare"] for each in (put_reaction, take_reaction)} == {prepare_emoji}


def test_who_signs_in_has_their_browser_looked_up_before_that_takes_the_writer(
    program: Program, done_in_threads: list[Any]
) -> None:
    signed_in = program.post("ana", "/login", email="ana@acme.test", password=PASSWORD)
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/")
    assert [each for each in done_in_threads if each in (mail_address_judge, name_device)] == [
        mail_address_judge,
        name_device,
    ]
